import { describe, expect, it } from 'vitest';
import { titleOf } from './routes';

describe('the title of a tab', () => {
  it('is the name of the page', () => {
    expect(titleOf('explore')).toBe('Explore · Heimdall');
    expect(titleOf('graphql-explorer')).toBe('GraphQL · Heimdall');
    expect(titleOf('no-such-page')).toBe('Heimdall');
  });

  it('begins with what the page is about', () => {
    expect(titleOf('explore', 'level>=error')).toBe('level>=error · Explore · Heimdall');
    expect(titleOf('explore', ' level>=error\n  | stats count() ')).toBe(
      'level>=error | stats count() · Explore · Heimdall',
    );
  });

  it('is cut between words where a query is long, and inside a word where that is long', () => {
    const query = 'service:payment level>=error "card declined" | stats count() as n by bin(5m), service';
    expect(titleOf('explore', query)).toBe(
      'service:payment level>=error "card declined" | stats… · Explore · Heimdall',
    );
    expect(titleOf('explore', 'x'.repeat(200))).toBe(`${'x'.repeat(59)}… · Explore · Heimdall`);
    expect(titleOf('explore', '😀'.repeat(61))).toBe(`${'😀'.repeat(59)}… · Explore · Heimdall`);
  });

  it('names characters that would turn it around', () => {
    expect(titleOf('explore', 'user:\u202eroot')).toBe('user:⟦U+202E⟧root · Explore · Heimdall');
  });
});
