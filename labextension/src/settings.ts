/** What the settings editor says. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';

import type { Settings } from './messages.js';

/** Without a settings registry, and before it is loaded. The kernel takes a default as "nothing was set". */
export const DEFAULTS: Settings = {
  registry: '',
  repository: '{model}',
  builder: '',
  refresh: 5,
  sandbox: true,
  notifications: true
};

/** The values that the registry checked against the schema. */
export function read(settings: ISettingRegistry.ISettings): Settings {
  return { ...DEFAULTS, ...(settings.composite as Partial<Settings>) };
}
