/** Entries in which every typed word begins a word or stands somewhere; beginnings first, order kept otherwise. */
export function rankByMatch<T>(entries: readonly T[], typed: string, textOf: (entry: T) => string): T[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...entries];
  const scored: { entry: T; score: number; place: number }[] = [];
  entries.forEach((entry, place) => {
    const text = textOf(entry).toLowerCase();
    let score = 0;
    for (const word of words) {
      const at = text.indexOf(word);
      if (at < 0) return;
      const beginsWord = at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1] as string);
      score += at === 0 ? 3 : beginsWord ? 2 : 1;
    }
    scored.push({ entry, score, place });
  });
  return scored.sort((a, b) => b.score - a.score || a.place - b.place).map(({ entry }) => entry);
}
