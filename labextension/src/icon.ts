import { LabIcon } from '@jupyterlab/ui-components';

/** A box: a model on its way. */
export const modelIcon = new LabIcon({
  name: 'odh-oci-widgets:model',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
<path class="jp-icon3" fill="#616161" d="M12 2 3 6.500v11L12 22l9-4.500v-11zm0 2.240 6.200 3.110-6.200 3.100-6.200-3.100zM5 8.970l6
 3v7.300l-6-3zm8 10.300v-7.300l6-3v7.300z"/></svg>`
});
