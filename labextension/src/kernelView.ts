/** One view of the own kernel, in the side panel or in a tab: its widget, or a sentence about why there is none. */

import { MimeModel } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Panel, Widget } from '@lumino/widgets';

import { button } from './dom.js';
import type { What } from './messages.js';
import type { OwnKernel } from './ownKernel.js';

const WIDGET = 'application/vnd.jupyter.widget-view+json';

/** The model of a widget, as renderers of JupyterLab take it. */
export function widgetModel(modelId: string): MimeModel {
  return new MimeModel({ data: { [WIDGET]: { model_id: modelId, version_major: 2, version_minor: 0 } } });
}

export class KernelView extends Panel {
  readonly what: What;

  constructor(
    private readonly kernel: OwnKernel,
    { view, name }: What,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.what = name === undefined ? { view } : { view, name };
    this.addClass('odh-oci-view');
    this.notice = document.createElement('div');
    this.notice.className = 'odh-oci-notice';
    this.notice.setAttribute('role', 'status');
    this.addWidget(new Widget({ node: this.notice }));
    kernel.changed.connect(this.follow);
  }

  /** Shows the view, starting the kernel if there was none so far. */
  want(): void {
    if (!this.wanted) {
      this.wanted = true;
      this.follow();
    }
    if (this.kernel.state === 'off') {
      void this.kernel.start();
    }
  }

  /** Shows a widget of the kernel in the place of the one before. */
  async display(modelId: string): Promise<void> {
    const { manager } = this.kernel;
    if (!manager || (modelId === this.modelId && this.shown && !this.shown.isDisposed)) {
      return;
    }
    const { WidgetRenderer } = await import('./widgetManager.js');
    if (manager.isDisposed || this.isDisposed) {
      return;
    }
    this.clear();
    const shown = new WidgetRenderer(
      { mimeType: WIDGET, resolver: null, sanitizer: manager.rendermime.sanitizer, linkHandler: null, latexTypesetter: null },
      manager
    );
    this.modelId = modelId;
    this.shown = shown;
    this.addWidget(shown);
    await shown.renderModel(widgetModel(modelId));
  }

  override dispose(): void {
    if (!this.isDisposed && this.modelId && this.what.view !== 'panel') {
      this.kernel.send({ type: 'close', model_id: this.modelId });
    }
    this.kernel.changed.disconnect(this.follow);
    super.dispose();
  }

  private clear(): void {
    this.shown?.dispose();
    this.shown = null;
    this.modelId = '';
  }

  private readonly follow = (): void => {
    const { state, message } = this.kernel;
    if (state !== 'on') {
      this.clear();
    }
    if (state === 'on' && this.wanted) {
      this.kernel.send({ type: 'open', ...this.what });
    }
    this.notice.replaceChildren();
    this.notice.hidden = message === '';
    if (message) {
      const text = document.createElement('span');
      text.textContent = message;
      this.notice.append(text);
    }
    if (message && (state === 'ended' || state === 'off')) {
      const again = (): void => {
        void this.kernel.start();
      };
      this.notice.append(button(this.trans.__('Start again'), again));
    } else if (state === 'on' && message) {
      const dismiss = (): void => {
        this.notice.hidden = true;
      };
      this.notice.append(button(this.trans.__('Dismiss'), dismiss));
    }
  };

  private readonly notice: HTMLElement;
  private wanted = false;
  private shown: Widget | null = null;
  private modelId = '';
}
