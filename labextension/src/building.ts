/** The status bar's item: builds that run. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { button } from './dom.js';
import type { Status } from './messages.js';

/** `1 build, 42 %`; empty when none runs. */
export function buildingText({ running, percent }: Pick<Status, 'running' | 'percent'>, trans: TranslationBundle): string {
  if (running === 0) {
    return '';
  }
  const builds = trans._n('%1 build', '%1 builds', running, running);
  return percent === null ? builds : trans.__('%1, %2 %', builds, percent);
}

export class Building extends Widget {
  readonly activeChanged = new Signal<this, void>(this);

  constructor(
    pressed: () => void,
    private readonly trans: TranslationBundle
  ) {
    const node = button('', pressed);
    node.className = 'odh-oci-building';
    super({ node });
    this.title.caption = node.title = trans.__('Builds of models that run; opens the panel');
  }

  get active(): boolean {
    return this.node.textContent !== '';
  }

  /** Null: nobody knows any more. */
  set status(status: Status | null) {
    this.node.textContent = status ? buildingText(status, this.trans) : '';
    this.activeChanged.emit();
  }
}
