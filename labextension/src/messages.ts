/**
 * The messages between a kernel and this page, version 1: `{version: 1, type: …}` and the fields below.
 *
 * The other end is `odh_oci_widgets/widgets/page_messages.py`. What is not exactly one of these is refused.
 */

/** The comm target that kernels open. */
export const TARGET = 'odh-oci-widgets';
export const VERSION = 1;

const VIEWS = ['panel', 'wizard', 'access', 'tester', 'logs'] as const;
const LEVELS = ['info', 'success', 'warning', 'error'] as const;

/** What a kernel can show; `tester` and `logs` belong to a service, by its name. */
export type ViewName = (typeof VIEWS)[number];
export type Level = (typeof LEVELS)[number];

/** Which of the kernel's views. */
export type What = {
  view: ViewName;
  name?: string;
};

/** Builds that run, with the percent of all of them (null: not known), and services by state. */
export type Status = {
  running: number;
  percent: number | null;
  services: { ready: number; failed: number; other: number };
};

export type FromKernel =
  | { type: 'ready'; package: string }
  | ({ type: 'view'; model_id: string; title: string } & What)
  | { type: 'insert'; code: string }
  | { type: 'copy'; text: string }
  | { type: 'notify'; level: Level; text: string; key: string }
  | ({ type: 'status' } & Status)
  | { type: 'services'; names: string[] };

/** What the settings editor holds; the kernel takes what differs from the defaults. */
export type Settings = {
  registry: string;
  repository: string;
  builder: string;
  refresh: number;
  sandbox: boolean;
  notifications: boolean;
};

export type ToKernel =
  | { type: 'hello'; settings: Settings }
  | ({ type: 'open' } & What)
  | { type: 'code'; name: string }
  | { type: 'close'; model_id: string }
  | { type: 'refresh' };

/** A message that version 1 does not have. */
export class Refused extends Error {}

/** The message in the data of a comm message. Throws Refused. */
export function understand(data: unknown): FromKernel {
  const fields = object(data, 'message');
  if (fields['version'] !== VERSION) {
    throw new Refused(`version ${String(fields['version'])}, not ${VERSION}`);
  }
  const type = text(fields, 'type');
  switch (type) {
    case 'ready':
      return { type, package: text(fields, 'package') };
    case 'view':
      return { type, ...what(fields), model_id: text(fields, 'model_id'), title: text(fields, 'title') };
    case 'insert':
      return { type, code: text(fields, 'code') };
    case 'copy':
      return { type, text: text(fields, 'text') };
    case 'notify':
      return { type, level: one(LEVELS, fields, 'level'), text: text(fields, 'text'), key: text(fields, 'key') };
    case 'status':
      return { type, ...status(fields) };
    case 'services':
      return { type, names: names(fields) };
    default:
      throw new Refused(`type '${type}'`);
  }
}

/** The data of a comm message. */
export function message(content: ToKernel): { version: number } & ToKernel {
  return { version: VERSION, ...content };
}

function what(fields: Record<string, unknown>): What {
  const view = one(VIEWS, fields, 'view');
  const name = fields['name'] === undefined || fields['name'] === null ? undefined : text(fields, 'name');
  return name === undefined ? { view } : { view, name };
}

function status(fields: Record<string, unknown>): Status {
  const services = object(fields['services'], 'services');
  return {
    running: count(fields, 'running'),
    percent: fields['percent'] === null ? null : Math.min(count(fields, 'percent'), 100),
    services: { ready: count(services, 'ready'), failed: count(services, 'failed'), other: count(services, 'other') }
  };
}

function names(fields: Record<string, unknown>): string[] {
  const found = fields['names'];
  if (!Array.isArray(found) || !found.every((name): name is string => typeof name === 'string' && name !== '')) {
    throw new Refused('no names');
  }
  return found;
}

function object(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refused(`${name} is no object`);
  }
  return value as Record<string, unknown>;
}

function text(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') {
    throw new Refused(`no ${name}`);
  }
  return value;
}

function count(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new Refused(`${name} is no count`);
  }
  return value;
}

function one<T extends string>(allowed: readonly T[], fields: Record<string, unknown>, name: string): T {
  const value = text(fields, name);
  const found = allowed.find(other => other === value);
  if (found === undefined) {
    throw new Refused(`${name} '${value}'`);
  }
  return found;
}
