declare module '*/generated/parser.js' {
  import type { LRParser } from '@lezer/lr';
  export const parser: LRParser;
}
