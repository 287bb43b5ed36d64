/** ODH OCI Widgets beside the notebook: launcher tile, side panel, tabs, status bar, notifications. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Building } from './building.js';
import { Commands } from './commandIds.js';
import { addCommands } from './commands.js';
import { widgetModel } from './kernelView.js';
import type { FromKernel } from './messages.js';
import { insertCell, NotebookKernels } from './notebooks.js';
import { Notices } from './notices.js';
import { OwnKernel } from './ownKernel.js';
import { Services } from './services.js';
import { DEFAULTS, read } from './settings.js';
import { SidePanel } from './sidePanel.js';
import { Tabs } from './tabs.js';

const ID = 'odh-oci-widgets:plugin';

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Builds and services of ODH OCI Widgets beside the notebook',
  autoStart: true,
  requires: [IRenderMimeRegistry, INotebookTracker],
  optional: [ITranslator, ISettingRegistry, ICommandPalette, ILauncher, ILayoutRestorer, IStatusBar],
  activate
};

function activate(
  app: JupyterFrontEnd,
  rendermime: IRenderMimeRegistry,
  notebooks: INotebookTracker,
  translator: ITranslator | null,
  registry: ISettingRegistry | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  restorer: ILayoutRestorer | null,
  statusBar: IStatusBar | null
): void {
  const trans = (translator ?? nullTranslator).load('odh_oci_widgets');
  const { commands, shell } = app;
  let settings = DEFAULTS;
  const current = (): typeof settings => settings;

  const kernel = new OwnKernel(app.serviceManager, rendermime, current, trans);
  const tabs = new Tabs(shell, kernel, trans);
  const services = new Services();
  const notices = new Notices();
  const execute = (command: string) => (): void => {
    void commands.execute(command);
  };
  const building = new Building(execute(Commands.panel), trans);
  const panel = new SidePanel(
    kernel,
    {
      deploy: execute(Commands.wizard),
      shutDown: execute(Commands.shutDown)
    },
    trans
  );
  addCommands(app, { kernel, tabs, services, panelId: panel.id, trans }, palette, launcher);

  /** What any kernel may ask of the page. */
  const receive = (content: FromKernel): void => {
    switch (content.type) {
      case 'insert':
        if (!insertCell(notebooks, id => { shell.activateById(id); }, content.code)) {
          notices.show('warning', trans.__('Open a notebook first: the code is put into it as a new cell.'), 'insert');
        }
        break;
      case 'copy':
        Clipboard.copyToSystem(content.text);
        break;
      case 'notify':
        notices.show(content.level, content.text, content.key);
        break;
      default: // the others are the own kernel's
    }
  };

  kernel.received.connect((_, content) => {
    if (content.type === 'view') {
      const shown = content.view === 'panel' ? panel.view.display(content.model_id) : tabs.display(content, content.model_id, content.title);
      shown.catch((error: unknown) => {
        console.error('odh-oci-widgets:', error);
      });
    } else if (content.type === 'status') {
      building.status = content;
    } else if (content.type === 'services') {
      services.names = content.names;
    } else {
      receive(content);
    }
  });
  kernel.changed.connect(() => {
    if (kernel.state !== 'on') {
      building.status = services.names = null;
    }
    if (kernel.state === 'restarting' || kernel.state === 'ended') {
      notices.show('warning', kernel.message, 'kernel');
    }
  });

  const line = new NotebookKernels(notebooks, current, (content: FromKernel, notebook: NotebookPanel) => {
    if (content.type === 'view' && content.view !== 'panel') {
      const model = widgetModel(content.model_id);
      const renderer = notebook.content.rendermime.createRenderer(Object.keys(model.data)[0] ?? '');
      void renderer.renderModel(model);
      tabs.displayForeign(renderer, content.model_id, content.title);
    } else {
      receive(content);
    }
  });

  shell.add(panel, 'left', { rank: 600, type: 'Models' });
  restorer?.add(panel, panel.id);
  if (restorer) {
    tabs.restore(restorer);
  }
  statusBar?.registerStatusItem(ID, {
    item: building,
    align: 'left',
    isActive: () => building.active,
    activeStateChanged: building.activeChanged
  });

  const loaded = registry?.load(ID).then(
    found => {
      const apply = (): void => {
        settings = read(found);
        kernel.hello();
        line.hello();
      };
      found.changed.connect(apply);
      apply();
    },
    (error: unknown) => {
      console.error('odh-oci-widgets: the settings cannot be read:', error);
    }
  );
  // After a reload: builds go on to be watched, whether the panel is open or not.
  void Promise.all([app.restored, loaded]).then(() => kernel.reconnect());
}

export default plugin;
