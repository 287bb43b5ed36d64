/**
 * The ipywidgets manager of a kernel without a notebook.
 *
 * Loaded when the first view is opened: a JupyterLab without ipywidgets starts as always. All three modules are those
 * of the page's own ipywidgets extension, never copies of ours.
 */

import * as base from '@jupyter-widgets/base';
import * as controls from '@jupyter-widgets/controls';
import { KernelWidgetManager, output } from '@jupyter-widgets/jupyterlab-manager';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { Kernel } from '@jupyterlab/services';

export function managerOf(kernel: Kernel.IKernelConnection, rendermime: IRenderMimeRegistry): KernelWidgetManager {
  const manager = new KernelWidgetManager(kernel, rendermime);
  // ipywidgets registers its classes with the managers of notebooks and consoles only.
  const modules: [string, string, object][] = [
    ['@jupyter-widgets/base', base.JUPYTER_WIDGETS_VERSION, base],
    ['@jupyter-widgets/controls', controls.JUPYTER_CONTROLS_VERSION, controls],
    ['@jupyter-widgets/output', output.OUTPUT_WIDGET_VERSION, output]
  ];
  for (const [name, version, exports] of modules) {
    manager.register({ name, version, exports: exports as base.ExportMap });
  }
  return manager;
}

export { WidgetRenderer } from '@jupyter-widgets/jupyterlab-manager';
