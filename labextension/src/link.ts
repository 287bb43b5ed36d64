/** One comm between a kernel and this page. */

import type { Kernel, KernelMessage } from '@jupyterlab/services';

import { type FromKernel, message, TARGET, type ToKernel, understand } from './messages.js';

/** Called with each message that is one. */
export type Receive = (content: FromKernel) => void;

export class Link {
  /** Takes the comm over. Nothing is sent yet: `hello` is the first message. */
  constructor(
    private readonly comm: Kernel.IComm,
    receive: Receive
  ) {
    comm.onMsg = (msg: KernelMessage.ICommMsgMsg): void => {
      let content;
      try {
        content = understand(msg.content.data);
      } catch (error) {
        console.warn('odh-oci-widgets: a message of the kernel is refused:', String(error));
        return;
      }
      receive(content);
    };
  }

  /** Does nothing when the kernel is gone: who asked is told by the kernel's state. */
  send(content: ToKernel): void {
    if (!this.comm.isDisposed) {
      this.comm.send(message(content));
    }
  }
}

/** Calls `opened` for each comm that the kernel opens to us. */
export function listen(kernel: Kernel.IKernelConnection, opened: (comm: Kernel.IComm) => void): void {
  kernel.registerCommTarget(TARGET, opened);
}

/** The comms that the kernel opened to a page before this one was loaded. */
export async function openComms(kernel: Kernel.IKernelConnection): Promise<Kernel.IComm[]> {
  const reply = await kernel.requestCommInfo({ target_name: TARGET });
  if (reply.content.status !== 'ok') {
    return [];
  }
  return Object.keys(reply.content.comms)
    .filter(id => !kernel.hasComm(id))
    .map(id => kernel.createComm(TARGET, id));
}
