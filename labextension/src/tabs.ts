/** Views in the main area: wizard, access, and tester and logs of a service. */

import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Panel, type Widget } from '@lumino/widgets';

import { Commands } from './commandIds.js';
import { modelIcon } from './icon.js';
import { KernelView } from './kernelView.js';
import type { ViewName, What } from './messages.js';
import type { OwnKernel } from './ownKernel.js';

export class Tabs {
  private readonly tracker = new WidgetTracker<MainAreaWidget<KernelView>>({ namespace: 'odh-oci' });

  constructor(
    private readonly shell: JupyterFrontEnd.IShell,
    private readonly kernel: OwnKernel,
    private readonly trans: TranslationBundle
  ) {}

  /** Brings the tabs back after a reload. */
  restore(restorer: ILayoutRestorer): void {
    void restorer.restore(this.tracker, {
      command: Commands.openView,
      args: ({ content }) => ({ ...content.what }),
      name: ({ content }) => key(content.what)
    });
  }

  /** The tab of a view, in front of the others; the kernel is started if need be, and asked for what it shows. */
  open(what: What): MainAreaWidget<KernelView> {
    const tab = this.find(what) ?? this.add(what);
    this.shell.activateById(tab.id);
    tab.content.want();
    void this.kernel.start();
    return tab;
  }

  /** Shows a widget that the own kernel made. */
  async display(what: What, modelId: string, title: string): Promise<void> {
    const tab = this.find(what) ?? this.add(what);
    tab.title.label = title;
    tab.content.want();
    this.shell.activateById(tab.id);
    await tab.content.display(modelId);
  }

  /** Shows a widget of another kernel, that of a notebook, drawn by who draws there. */
  displayForeign(content: Widget, modelId: string, title: string): void {
    const id = `odh-oci-foreign-${modelId}`;
    if (!Array.from(this.shell.widgets('main')).some(widget => widget.id === id)) {
      const view = new Panel();
      view.addClass('odh-oci-view');
      view.addWidget(content);
      this.place(new MainAreaWidget({ content: view }), id, title);
    }
    this.shell.activateById(id);
  }

  closeAll(): void {
    this.tracker.forEach(tab => {
      tab.dispose();
    });
  }

  private find(what: What): MainAreaWidget<KernelView> | undefined {
    return this.tracker.find(({ content }) => key(content.what) === key(what));
  }

  private add(what: What): MainAreaWidget<KernelView> {
    const tab = new MainAreaWidget({ content: new KernelView(this.kernel, what, this.trans) });
    this.place(tab, `odh-oci-${key(what)}`, this.label(what));
    void this.tracker.add(tab);
    return tab;
  }

  private place(tab: MainAreaWidget, id: string, title: string): void {
    tab.id = id;
    tab.addClass('odh-oci-tab');
    tab.title.label = title;
    tab.title.icon = modelIcon;
    tab.title.closable = true;
    this.shell.add(tab, 'main');
  }

  private label({ view, name }: What): string {
    const labels: Record<ViewName, string> = {
      panel: this.trans.__('Models'),
      wizard: this.trans.__('Deploy a model'),
      access: this.trans.__('Check access'),
      tester: this.trans.__('Test %1', name ?? ''),
      logs: this.trans.__('Logs of %1', name ?? '')
    };
    return labels[view];
  }
}

function key({ view, name }: What): string {
  return name === undefined ? view : `${view}-${name}`;
}
