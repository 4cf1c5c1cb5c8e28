/** Variables of a document: a JSON object, or nothing. */
export function readVariables(text: string): { value?: Record<string, unknown>; problem?: string } {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { value: value as Record<string, unknown> };
    }
  } catch (error) {
    return { problem: `Variables are no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  return { problem: 'Variables are a JSON object, like {"q": "level:error"}' };
}
