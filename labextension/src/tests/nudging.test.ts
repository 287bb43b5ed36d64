import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { type ISignal, Signal } from '@lumino/signaling';

import { nudge } from '../nudging.js';

type Message = Kernel.IAnyMessageArgs;

/** A kernel that knows how often it was asked for its info; it fails to tell it. */
class Sleepy {
  readonly said = new Signal<this, Message>(this);
  readonly anyMessage = this.said as unknown as ISignal<Kernel.IKernelConnection, Message>;
  isDisposed = false;
  asked = 0;

  requestKernelInfo(): Promise<never> {
    this.asked += 1;
    this.send('kernel_info_request');
    return Promise.reject(new Error('no info'));
  }

  send(type: string): void {
    this.said.emit({ direction: 'send', msg: { header: { msg_type: type } } as KernelMessage.IMessage });
  }
}

test('a kernel is nudged when it is met and after what is sent to it, not after a nudge', context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const kernel = new Sleepy();
  nudge(kernel);
  context.mock.timers.tick(1000);
  kernel.send('comm_msg');
  context.mock.timers.tick(1999);
  assert.equal(kernel.asked, 0);
  context.mock.timers.tick(1);
  assert.equal(kernel.asked, 1);
  context.mock.timers.tick(10_000);
  assert.equal(kernel.asked, 1);
  kernel.send('comm_msg');
  context.mock.timers.tick(2000);
  assert.equal(kernel.asked, 2);
});

test('a kernel that is gone is left alone', context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const kernel = new Sleepy();
  nudge(kernel);
  kernel.isDisposed = true;
  context.mock.timers.tick(10_000);
  assert.equal(kernel.asked, 0);
});
