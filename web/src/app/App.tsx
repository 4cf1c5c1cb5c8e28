import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { Suspense, useEffect } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { Explore } from '../explore/Explore';
import { Settings } from '../settings/Settings';
import { Help } from '../shell/Help';
import { OfflineBanner } from '../shell/OfflineBanner';
import { Palette } from '../shell/Palette';
import { Rail } from '../shell/Rail';
import { Start } from '../start/Start';
import { Notice } from '../ui/Notice';
import { useCommands } from './commands';
import { Home } from './Home';
import { later } from './later';
import { Mishap } from './Mishap';
import { NoSuchPage } from './NoSuchPage';
import { titleOf } from './routes';

const Anomalies = later(() => import('../anomalies/Anomalies'));
const Alerts = later(() => import('../alerts/Alerts'));
const IncidentPage = later(() => import('../alerts/IncidentPage'));
const GraphqlPage = later(() => import('../graphql/GraphqlPage'));
const FindingPage = later(() => import('../anomalies/FindingPage'));

const queries = new QueryClient({
  defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false, networkMode: 'always', staleTime: 30_000 } },
});

export function App() {
  const [path, navigate] = useLocation();
  const page = path.split('/')[1] ?? '';

  useEffect(() => {
    if (page !== 'explore') document.title = titleOf(page);
  }, [page]);

  useCommands({
    goExplore: () => navigate('/explore'),
    goAnomalies: () => navigate('/anomalies'),
    goAlerts: () => navigate('/alerts'),
    goStart: () => navigate('/start'),
    goSettings: () => navigate('/settings'),
  });

  return (
    <QueryClientProvider client={queries}>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <div className="shell">
        <Rail page={page} />
        <OfflineBanner />
        <main id="main" tabIndex={-1}>
          <Mishap key={path}>
            <Switch>
              <Route path="/">
                <Home />
              </Route>
              <Route path="/start">
                <Start />
              </Route>
              <Route path="/explore">
                <Explore />
              </Route>
              <Route path="/anomalies">
                <Suspense fallback={null}>
                  <Anomalies />
                </Suspense>
              </Route>
              <Route path="/anomalies/:id">
                {({ id }) => (
                  <Suspense fallback={null}>
                    <FindingPage id={id} />
                  </Suspense>
                )}
              </Route>
              <Route path="/alerts">
                <Suspense fallback={null}>
                  <Alerts />
                </Suspense>
              </Route>
              <Route path="/alerts/:id">
                {({ id }) => (
                  <Suspense fallback={null}>
                    <IncidentPage id={id} />
                  </Suspense>
                )}
              </Route>
              <Route path="/graphql-explorer">
                <Suspense fallback={null}>
                  <GraphqlPage />
                </Suspense>
              </Route>
              <Route path="/settings">
                <Settings />
              </Route>
              <Route path="/index.html">
                <Redirect to="/" replace />
              </Route>
              <Route>
                <NoSuchPage />
              </Route>
            </Switch>
          </Mishap>
        </main>
      </div>
      <Help />
      <Palette />
      <Notice />
    </QueryClientProvider>
  );
}
