import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Kernel, KernelMessage } from '@jupyterlab/services';

import { answered, Link } from '../link.js';
import type { FromKernel } from '../messages.js';

interface Sleepy {
  kernel: Pick<Kernel.IKernelConnection, 'requestKernelInfo'>;
  /** Resolves when the kernel is asked for its info. */
  nudged: Promise<void>;
}

/** A kernel that does nothing of its own accord; it fails to tell its info. */
function sleepy(): Sleepy {
  let tell = (): void => undefined;
  const nudged = new Promise<void>(resolve => {
    tell = resolve;
  });
  const requestKernelInfo = (): Promise<never> => {
    tell();
    return Promise.reject(new Error('no info'));
  };
  return { kernel: { requestKernelInfo }, nudged };
}

/** A comm without a kernel: `say` is what the kernel sends. */
function loose(): { comm: Kernel.IComm; sent: unknown[]; say: (data: unknown) => void } & Sleepy {
  const sent: unknown[] = [];
  const comm = { isDisposed: false, send: (data: unknown) => sent.push(data) } as unknown as Kernel.IComm;
  const say = (data: unknown): void => {
    void comm.onMsg({ content: { data } } as KernelMessage.ICommMsgMsg);
  };
  return { comm, sent, say, ...sleepy() };
}

test('an unknown message is warned of and never acted on', context => {
  const warn = context.mock.method(console, 'warn', () => undefined);
  const { kernel, comm, say } = loose();
  const heard: FromKernel[] = [];
  new Link(kernel, comm, content => heard.push(content));
  say({ version: 1, type: 'execute', code: 'x' });
  say({ version: 9, type: 'insert', code: 'x' });
  assert.deepEqual(heard, []);
  assert.equal(warn.mock.callCount(), 2);
  say({ version: 1, type: 'insert', code: 'x' });
  assert.deepEqual(heard, [{ type: 'insert', code: 'x' }]);
});

test('nothing is sent to a kernel that is gone', () => {
  const { kernel, comm, sent } = loose();
  const link = new Link(kernel, comm, () => undefined, 1);
  link.send({ type: 'refresh' });
  Object.assign(comm, { isDisposed: true });
  link.send({ type: 'refresh' });
  assert.deepEqual(sent, [{ version: 1, type: 'refresh' }]);
});

test('a kernel that overlooked a message is nudged', async () => {
  const { kernel, comm, nudged } = loose();
  new Link(kernel, comm, () => undefined, 1).send({ type: 'refresh' });
  await nudged;
});

test('a kernel is nudged until it answers', async () => {
  const { kernel, nudged } = sleepy();
  assert.equal(await answered(kernel, 10, nudged.then(() => 'answer'), 'late', { soon: 1 }), 'answer');
  await assert.rejects(answered(kernel, 0.01, new Promise(() => undefined), 'It does not answer.'), /does not answer/);
});
