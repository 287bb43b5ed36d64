/** JupyterLab's notifications. */

import { Notification } from '@jupyterlab/apputils';

import type { Level } from './messages.js';

/** Milliseconds that good news stay; bad ones stay until they are closed. */
const SHORT = 8000;

export class Notices {
  /** Shows a text. Of several with one key only the newest is there, and the same text is not shown twice. */
  show(level: Level, text: string, key: string): void {
    const before = this.shown.get(key);
    if (before?.text === text) {
      return;
    }
    const autoClose = level === 'error' || level === 'warning' ? (false as const) : SHORT;
    if (before && Notification.update({ id: before.id, message: text, type: level, autoClose })) {
      this.shown.set(key, { id: before.id, text });
      return;
    }
    this.shown.set(key, { id: Notification.emit(text, level, { autoClose }), text });
  }

  private readonly shown = new Map<string, { id: string; text: string }>();
}
