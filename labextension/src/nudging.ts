/** Messages that a kernel overlooked. */

import type { Kernel } from '@jupyterlab/services';

/** Milliseconds from the last message to the nudge. */
const SOON = 2000;

/**
 * Asks a kernel for its info a moment after the last message to it; the question changes nothing there.
 *
 * ipykernel 7.0 to 7.3 may overlook a message that comes while it sends an answer, until the next one comes: a click
 * would do nothing, a start would never end. Repaired in 7.4 (`SubshellManager._send_on_shell_channel`).
 */
export function nudge(kernel: Pick<Kernel.IKernelConnection, 'anyMessage' | 'isDisposed' | 'requestKernelInfo'>): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const arm = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!kernel.isDisposed) {
        kernel.requestKernelInfo().catch(() => undefined);
      }
    }, SOON);
  };
  kernel.anyMessage.connect((_, { direction, msg }) => {
    if (direction === 'send' && msg.header.msg_type !== 'kernel_info_request') {
      arm();
    }
  });
  arm(); // for what was sent before
}
