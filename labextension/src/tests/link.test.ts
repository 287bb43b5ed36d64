import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Kernel, KernelMessage } from '@jupyterlab/services';

import { Link } from '../link.js';
import type { FromKernel } from '../messages.js';

/** A comm without a kernel: `say` is what the kernel sends. */
function loose(): { comm: Kernel.IComm; sent: unknown[]; say: (data: unknown) => void } {
  const sent: unknown[] = [];
  const comm = { isDisposed: false, send: (data: unknown) => sent.push(data) } as unknown as Kernel.IComm;
  const say = (data: unknown): void => {
    void comm.onMsg({ content: { data } } as KernelMessage.ICommMsgMsg);
  };
  return { comm, sent, say };
}

test('an unknown message is warned of and never acted on', context => {
  const warn = context.mock.method(console, 'warn', () => undefined);
  const { comm, say } = loose();
  const heard: FromKernel[] = [];
  new Link(comm, content => heard.push(content));
  say({ version: 1, type: 'execute', code: 'x' });
  say({ version: 9, type: 'insert', code: 'x' });
  assert.deepEqual(heard, []);
  assert.equal(warn.mock.callCount(), 2);
  say({ version: 1, type: 'insert', code: 'x' });
  assert.deepEqual(heard, [{ type: 'insert', code: 'x' }]);
});

test('nothing is sent to a kernel that is gone', () => {
  const { comm, sent } = loose();
  const link = new Link(comm, () => undefined);
  link.send({ type: 'refresh' });
  Object.assign(comm, { isDisposed: true });
  link.send({ type: 'refresh' });
  assert.deepEqual(sent, [{ version: 1, type: 'refresh' }]);
});
