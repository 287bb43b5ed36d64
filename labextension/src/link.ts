/** One comm between a kernel and this page, and messages that a kernel surely reads. */

import type { Kernel, KernelMessage } from '@jupyterlab/services';

import { type FromKernel, message, TARGET, type ToKernel, understand } from './messages.js';
import { within } from './waiting.js';

/** Called with each message that is one. */
export type Receive = (content: FromKernel) => void;

/** Milliseconds after which a kernel is nudged. */
const SOON = 2000;

/** What can be asked for its info, which changes nothing in it. */
type Nudged = Pick<Kernel.IKernelConnection, 'requestKernelInfo'>;

/**
 * Lets a kernel read what it left unread: ipykernel 7.0 to 7.3 may overlook a message that arrives while it sends an
 * answer, until the next one comes (repaired in 7.4).
 */
function nudge(kernel: Nudged): void {
  kernel.requestKernelInfo().catch(() => undefined);
}

/** The kernel's answer to what was asked; throws an Error with the sentence `late` when it does not come in time. */
export async function answered<T>(
  kernel: Nudged,
  seconds: number,
  answer: Promise<T>,
  late: string,
  { soon = SOON }: { soon?: number } = {}
): Promise<T> {
  const nudging = setInterval(() => {
    nudge(kernel);
  }, soon);
  try {
    return await within(seconds, answer, late);
  } finally {
    clearInterval(nudging);
  }
}

export class Link {
  /** Takes the comm over. Nothing is sent yet: `hello` is the first message. */
  constructor(
    private readonly kernel: Nudged,
    private readonly comm: Kernel.IComm,
    receive: Receive,
    private readonly soon = SOON
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
      clearTimeout(this.nudging);
      this.nudging = setTimeout(() => {
        if (!this.comm.isDisposed) {
          nudge(this.kernel);
        }
      }, this.soon);
    }
  }

  private nudging: ReturnType<typeof setTimeout> | undefined;
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
