import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matcherText, readMatchers } from './SilenceDialog';

test('labels survive being written and read', () => {
  const name = fc.stringMatching(/^[a-z][\w.-]{0,10}$/);
  const value = fc.string({ minLength: 1 }).filter((text) => !/^["]/.test(text) || /[\s"]/.test(text));
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 4 }), (matchers) => {
      expect(readMatchers(matcherText(matchers))).toEqual({ ...matchers });
    }),
  );
});

test('what is no list of labels is refused', () => {
  expect(readMatchers('payment')).toBeNull();
  expect(readMatchers('service=payment oops')).toBeNull();
  expect(readMatchers('')).toEqual({});
  expect(readMatchers('rule=/slow-.*/ service="a b"')).toEqual({ rule: '/slow-.*/', service: 'a b' });
});
