import assert from 'node:assert/strict';
import { test } from 'node:test';

import { message, Refused, understand } from '../messages.js';

const services = { ready: 1, failed: 0, other: 2 };

test('each message of version 1 is understood, and holds nothing more', () => {
  const known = [
    { type: 'ready', package: '0.1.0' },
    { type: 'view', view: 'panel', model_id: 'a1', title: 'Models' },
    { type: 'view', view: 'tester', name: 'granite', model_id: 'a1', title: 'Test granite' },
    { type: 'insert', code: 'print(1)' },
    { type: 'copy', text: 'https://granite' },
    { type: 'notify', level: 'success', text: 'It is built.', key: 'build:1' },
    { type: 'status', running: 2, percent: 42, services },
    { type: 'status', running: 0, percent: null, services },
    { type: 'services', names: ['granite'] }
  ];
  for (const content of known) {
    assert.deepEqual(understand({ version: 1, ...content, token: 'secret' }), content);
  }
});

test('what is not exactly a message is refused', () => {
  const refused: unknown[] = [
    null,
    'ready',
    [],
    {},
    { type: 'ready', package: '0.1.0' },
    { version: 2, type: 'ready', package: '0.1.0' },
    { version: 1, type: 'open' },
    { version: 1, type: 'run', code: 'alert(1)' },
    { version: 1, type: '__proto__' },
    { version: 1, type: 'insert' },
    { version: 1, type: 'insert', code: 7 },
    { version: 1, type: 'view', view: 'terminal', model_id: 'a1', title: 'x' },
    { version: 1, type: 'view', view: 'panel', title: 'x' },
    { version: 1, type: 'notify', level: 'fatal', text: 'x', key: 'x' },
    { version: 1, type: 'status', running: -1, percent: 1, services },
    { version: 1, type: 'status', running: 1, percent: 'all', services },
    { version: 1, type: 'status', running: 1, percent: 1 },
    { version: 1, type: 'services', names: [1] }
  ];
  for (const data of refused) {
    assert.throws(() => understand(data), Refused, JSON.stringify(data));
  }
});

test('what is sent says its version', () => {
  assert.deepEqual(message({ type: 'open', view: 'tester', name: 'granite' }), {
    version: 1,
    type: 'open',
    view: 'tester',
    name: 'granite'
  });
});
