import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Services } from '../services.js';
import { within } from '../waiting.js';

test('a wait ends with its sentence', async () => {
  const never = new Promise(() => undefined);
  await assert.rejects(within(0.01, never, 'It does not answer.'), /It does not answer\./);
  assert.equal(await within(10, Promise.resolve(1), 'late'), 1);
});

test('who asks for services before they are known gets them when they are', async () => {
  const services = new Services();
  const first = services.known();
  services.names = ['granite'];
  assert.deepEqual(await first, ['granite']);
  assert.deepEqual(await services.known(), ['granite']);
});
