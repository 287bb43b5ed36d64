/** Notebooks: the comms of their kernels, cells that are put into them, and tutorials that become new ones. */

import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { type INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { type Contents, type Kernel, ServerConnection } from '@jupyterlab/services';

import { Link, listen, openComms } from './link.js';
import type { FromKernel, Settings } from './messages.js';

/** The tutorials in `notebooks/`, by file name. */
export const TUTORIALS = [
  '00-check-my-access',
  '01-granite-completion',
  '02-mobilenet-classification',
  '03-private-registry',
  '04-from-my-own-training',
  '05-automation'
] as const;

/** Puts code into a new cell below the active one of the notebook that was used last, and shows it. False: there is none. */
export function insertCell(tracker: INotebookTracker, activate: (id: string) => void, code: string): boolean {
  const panel = tracker.currentWidget;
  if (!panel) {
    return false;
  }
  const notebook = panel.content;
  NotebookActions.insertBelow(notebook);
  notebook.activeCell?.model.sharedModel.setSource(code);
  activate(panel.id);
  notebook.activate();
  return true;
}

/** Answers the kernels of all notebooks. */
export class NotebookKernels {
  constructor(
    tracker: INotebookTracker,
    private readonly settings: () => Settings,
    private readonly receive: (content: FromKernel, panel: NotebookPanel) => void
  ) {
    const follow = (panel: NotebookPanel): void => {
      const { sessionContext } = panel;
      sessionContext.kernelChanged.connect((_, { newValue }) => {
        this.attach(newValue, panel);
      });
      this.attach(sessionContext.session?.kernel ?? null, panel);
    };
    tracker.forEach(follow);
    tracker.widgetAdded.connect((_, panel) => {
      follow(panel);
    });
  }

  /** Says that settings changed. */
  hello(): void {
    for (const link of this.links.values()) {
      link.send({ type: 'hello', settings: this.settings() });
    }
  }

  private attach(kernel: Kernel.IKernelConnection | null, panel: NotebookPanel): void {
    if (!kernel) {
      return;
    }
    const opened = (comm: Kernel.IComm): void => {
      const link = new Link(comm, content => {
        this.receive(content, panel);
      });
      this.links.set(kernel, link);
      link.send({ type: 'hello', settings: this.settings() });
    };
    listen(kernel, opened);
    kernel.disposed.connect(() => this.links.delete(kernel));
    // After a reload: the kernel opened its comm to the page before.
    openComms(kernel).then(
      comms => {
        comms.forEach(opened);
      },
      () => undefined
    );
  }

  private readonly links = new Map<Kernel.IKernelConnection, Link>();
}

/** A new notebook with the content of a tutorial; its path. Throws when the server does not give or take it. */
export async function newFromTutorial(name: string, folder: string, contents: Contents.IManager): Promise<string> {
  const path = URLExt.join(PageConfig.getOption('fullLabextensionsUrl'), 'odh-oci-widgets', 'tutorials', `${name}.ipynb`);
  // The page's option is a path with the base URL, without the host.
  const url = new URL(path, contents.serverSettings.baseUrl).href;
  const response = await ServerConnection.makeRequest(url, {}, contents.serverSettings);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  const content: unknown = await response.json();
  const { path: made } = await contents.newUntitled({ path: folder, type: 'notebook' });
  await contents.save(made, { type: 'notebook', format: 'json', content });
  try {
    return (await contents.rename(made, URLExt.join(folder, `${name}.ipynb`))).path;
  } catch {
    return made; // there is one of that name: this one keeps `Untitled…`
  }
}
