/** What is in the palette and the launcher. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { type ICommandPalette, InputDialog, showErrorMessage } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Commands } from './commandIds.js';
import { modelIcon } from './icon.js';
import type { What } from './messages.js';
import { newFromTutorial, TUTORIALS } from './notebooks.js';
import type { OwnKernel } from './ownKernel.js';
import type { Services } from './services.js';
import type { Tabs } from './tabs.js';

/** What the commands act on. */
export interface Parts {
  kernel: OwnKernel;
  tabs: Tabs;
  services: Services;
  panelId: string;
  trans: TranslationBundle;
}

export function addCommands(app: JupyterFrontEnd, parts: Parts, palette: ICommandPalette | null, launcher: ILauncher | null): void {
  const { commands, shell } = app;
  const { kernel, tabs, services, trans } = parts;
  commands.addCommand(Commands.wizard, {
    label: trans.__('Deploy a model'),
    caption: trans.__('Choose a model, build its image, deploy and call it'),
    icon: modelIcon,
    execute: () => tabs.open({ view: 'wizard' })
  });
  commands.addCommand(Commands.panel, {
    label: trans.__('Models: builds and services'),
    execute: () => {
      shell.activateById(parts.panelId);
    }
  });
  commands.addCommand(Commands.access, {
    label: trans.__('Check access to the project'),
    execute: () => tabs.open({ view: 'access' })
  });
  commands.addCommand(Commands.insertCode, {
    label: trans.__('Insert client code of a service…'),
    execute: async args => {
      const name = typeof args['name'] === 'string' ? args['name'] : await chooseService(kernel, services, trans);
      if (name !== null) {
        kernel.send({ type: 'code', name });
      }
    }
  });
  commands.addCommand(Commands.tutorial, {
    label: args => (typeof args['title'] === 'string' ? args['title'] : trans.__('New notebook from a tutorial…')),
    execute: async args => {
      const name = typeof args['name'] === 'string' ? args['name'] : await chooseTutorial(trans);
      if (name === null) {
        return;
      }
      const folder = typeof args['cwd'] === 'string' ? args['cwd'] : '';
      try {
        const path = await newFromTutorial(name, folder, app.serviceManager.contents);
        await commands.execute('docmanager:open', { path });
      } catch (error) {
        await showErrorMessage(trans.__('The tutorial cannot be opened'), String(error));
      }
    }
  });
  commands.addCommand(Commands.shutDown, {
    label: trans.__('Shut down the kernel of “Deploy a model”'),
    isEnabled: () => kernel.isStarted(),
    execute: async () => {
      tabs.closeAll();
      await kernel.shutDown();
    }
  });
  commands.addCommand(Commands.openView, {
    label: trans.__('Deploy a model: a view'),
    execute: args => tabs.open(args as What)
  });
  kernel.changed.connect(() => {
    commands.notifyCommandChanged(Commands.shutDown);
  });
  const category = trans.__('Models');
  const { wizard, panel, access, insertCode, tutorial, shutDown } = Commands;
  for (const command of [wizard, panel, access, insertCode, tutorial, shutDown]) {
    palette?.addItem({ command, category });
  }
  launcher?.add({ command: wizard, category: trans.__('Other'), rank: 0 });
}

async function chooseService(kernel: OwnKernel, services: Services, trans: TranslationBundle): Promise<string | null> {
  await kernel.start();
  const items = await services.known();
  if (kernel.state !== 'on' || items.length === 0) {
    const why = kernel.message || trans.__('There is no service in your project, or it is not known yet.');
    await showErrorMessage(trans.__('No client code'), why);
    return null;
  }
  const title = trans.__('Insert the client code of a service');
  return (await InputDialog.getItem({ title, label: trans.__('Service'), items, okLabel: trans.__('Insert') })).value;
}

async function chooseTutorial(trans: TranslationBundle): Promise<string | null> {
  const title = trans.__('New notebook from a tutorial');
  const chosen = await InputDialog.getItem({
    title,
    label: trans.__('Tutorial'),
    items: [...TUTORIALS],
    okLabel: trans.__('Create')
  });
  return chosen.value;
}
