// Runs before the first paint, so that a chosen theme never flashes in the other one.
(() => {
  let settings = {};
  try {
    settings = JSON.parse(localStorage.getItem('heimdall.settings') ?? '{}').state ?? {};
  } catch {}
  const light = matchMedia('(prefers-color-scheme: light)').matches;
  const root = document.documentElement;
  root.dataset.theme =
    settings.theme === 'light' || settings.theme === 'dark' ? settings.theme : light ? 'light' : 'dark';
  root.dataset.density = settings.density ?? 'compact';
  root.dataset.size = settings.fontSize ?? 'normal';
})();
