/** The node counts code points, the editor counts UTF-16 units. */

export function toCodePoints(text: string, unit: number): number {
  return [...text.slice(0, unit)].length;
}

export function toUnits(text: string, points: number): number {
  let units = 0;
  let seen = 0;
  for (const character of text) {
    if (seen >= points) break;
    units += character.length;
    seen += 1;
  }
  return units;
}
