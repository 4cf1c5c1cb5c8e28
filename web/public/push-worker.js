// Shows what the node pushed (`src/heimdall/alerting/notifiers/push.py`), and opens the incident when it is clicked.

self.addEventListener('push', (event) => {
  const { title, body, tag, path, event: kind } = event.data.json();
  const news = { body, tag, icon: '/icon.svg', data: { path }, renotify: true, silent: kind === 'resolve' };
  event.waitUntil(self.registration.showNotification(title, news));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { pathname } = new URL(event.notification.data?.path ?? '/alerts', self.location.origin);
  event.waitUntil(self.clients.openWindow(pathname));
});
