import { expect, test } from 'vitest';
import { keyBytes, pushProblem, subscribedTo } from './push';

test('a key is read as the browser needs it', () => {
  expect([...keyBytes('BP4z9w')]).toEqual([4, 254, 51, 247]);
  expect([...keyBytes('-_8')]).toEqual([251, 255]);
});

test('why a browser cannot be told is said', () => {
  expect(pushProblem({ isSecureContext: false })).toContain('https');
  expect(pushProblem({ isSecureContext: true })).toContain('no push notifications');
});

test('what is kept in the browser is read whatever it is', () => {
  for (const kept of ['', 'x', 'null', '3']) {
    localStorage.setItem('heimdall.push', kept);
    expect(subscribedTo()).toEqual({});
  }
  localStorage.setItem('heimdall.push', '{"desk":"1"}');
  expect(subscribedTo()).toEqual({ desk: '1' });
});
