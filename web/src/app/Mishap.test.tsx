import { render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { Mishap } from './Mishap';

afterEach(() => vi.restoreAllMocks());

function Broken(): never {
  throw new Error('no such part');
}

test('a page that fails leaves the rest on the screen and says why', () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  render(
    <>
      <nav>Pages</nav>
      <Mishap>
        <Broken />
      </Mishap>
    </>,
  );
  expect(screen.getByText('Pages')).toBeTruthy();
  expect(screen.getByRole('alert').textContent).toContain('no such part');
  expect(screen.getByRole('button', { name: 'Load it again' })).toBeTruthy();
});
