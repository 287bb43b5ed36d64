/** The side panel "Models": what the project builds and serves. */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import { button } from './dom.js';
import { modelIcon } from './icon.js';
import { KernelView } from './kernelView.js';
import type { OwnKernel } from './ownKernel.js';

/** What the buttons at the top do. */
export interface Actions {
  deploy: () => void;
  shutDown: () => void;
}

export class SidePanel extends Panel {
  readonly view: KernelView;

  constructor(
    private readonly kernel: OwnKernel,
    actions: Actions,
    trans: TranslationBundle
  ) {
    super();
    this.id = 'odh-oci-models';
    this.addClass('odh-oci-side');
    this.title.icon = modelIcon;
    this.title.caption = trans.__('Models');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Models'));
    const buttons = new Widget();
    buttons.addClass('odh-oci-buttons');
    const shutDown = button(trans.__('Shut down'), actions.shutDown);
    buttons.node.append(button(trans.__('Deploy a model'), actions.deploy), shutDown);
    this.view = new KernelView(kernel, { view: 'panel' }, trans);
    this.addWidget(buttons);
    this.addWidget(this.view);
    const follow = (): void => {
      shutDown.disabled = !kernel.isStarted();
    };
    follow();
    kernel.changed.connect(follow);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.view.want();
    this.kernel.send({ type: 'refresh' }); // what was seen while nobody looked is old
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.view.want();
    }
  }
}
