import './explore.css';
import { Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { newRuleHref } from '../alerts/alertsUrl';
import { isLine, type Line } from '../api/types';
import { useCommands } from '../app/commands';
import { useConnection } from '../app/connection';
import { later } from '../app/later';
import { titleOf } from '../app/routes';
import type { Level } from '../levels';
import { levelOf } from '../levels';
import { addFilter, narrowed } from '../query/edit';
import { rowHeight, useSettings } from '../settings/store';
import { formatInstant, nowNs } from '../time/instant';
import { spansDays } from '../time/range';
import { Icon } from '../ui/Icon';
import { NARROW, PHONE, useMedia } from '../ui/media';
import { DEFAULT_STATE, exploreHref } from '../url';
import { Download } from './Download';
import { Drawer } from './Drawer';
import { EmptyResult } from './EmptyResult';
import { Facets, type FilterHow } from './Facets';
import { FailureNote } from './FailureNote';
import { GapRow } from './GapRow';
import { Histogram } from './Histogram';
import { JumpDialog } from './JumpDialog';
import { LiveBar } from './LiveBar';
import { LineSkeleton, LogLine } from './LogLine';
import { LogViewport, type ViewportHandle } from './LogViewport';
import { Minimap } from './Minimap';
import { QueryBox } from './QueryBox';
import { ResultTable } from './ResultTable';
import { makeRun } from './run';
import { linkTo, Share } from './Share';
import { StatusLine } from './StatusLine';
import { TimePicker } from './TimePicker';
import { useExploreKeys } from './useExploreKeys';
import { useExploreState } from './useExploreState';
import { useFocus } from './useFocus';
import { usePages, useResult } from './useResult';
import { useTail } from './useTail';
import { Views } from './Views';

const Patterns = later(() => import('./Patterns'));
const Compare = later(() => import('./Compare'));

const BUCKETS = 120;

/** Lines: what happened. */
export function Explore() {
  const [state, update] = useExploreState();
  const [, navigate] = useLocation();
  const alertOnThis = () => navigate(newRuleHref(state.q));
  useCommands({ alertOnThis });
  useEffect(() => {
    document.title = titleOf('explore', state.q);
  }, [state.q]);
  const settings = useSettings();
  const phone = useMedia(PHONE);
  const narrow = useMedia(NARROW);
  const epoch = useConnection((connection) => connection.epoch);
  const [asked, setAsked] = useState(0);
  const [opened, setOpened] = useState(false);
  const [called, setCalled] = useState(0);
  const [jumping, setJumping] = useState(false);
  const [sheet, setSheet] = useState(false);
  const viewport = useRef<ViewportHandle>(null);
  /** Whether lines are on their way whose link, which had the keyboard, is gone when they come. */
  const drilled = useRef(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again, or the node is back
  const run = useMemo(() => makeRun(state.q, state, nowNs()), [state.q, state.from, state.to, asked, epoch]);
  const onScreen = state.live ? null : run.range;
  const result = useResult(run, !state.live, BUCKETS);
  const { shown, chart, phase, error } = result;
  const tail = useTail(state.q, state.live);
  const load = usePages(shown);
  const stale = !state.live && shown !== null && shown.run !== run;
  const focus = useFocus(state, update, state.live ? null : shown, stale, viewport);

  const lineAt = useCallback(
    (rank: number): Line | null => {
      if (rank < 0) return null;
      if (state.live) {
        const item = tail.buffer.at(rank);
        return item?.kind === 'line' ? item.line : null;
      }
      const row = shown?.pages.at(rank);
      return isLine(row) ? row : null;
    },
    [state.live, tail.buffer, shown],
  );
  const focusedLine = lineAt(focus.rank);
  const total = state.live ? tail.buffer.length : (shown?.total ?? 0);

  const onQuery = useCallback((q: string) => update({ q }), [update]);
  const rerun = useCallback(() => setAsked((n) => n + 1), []);
  const runQuery = (q: string) => (q === state.q ? rerun() : update({ q }));
  const onFilter = useCallback(
    (field: string, value: unknown, how: FilterHow) => update({ q: addFilter(state.q, field, value, how) }),
    [state.q, update],
  );
  const onLevel = useCallback((level: Level) => update({ q: narrowed(state.q, `level:${level}`) }), [state.q, update]);
  const onAtTop = useCallback(
    (atTop: boolean) => {
      if (!state.live) return;
      if (!atTop && !tail.buffer.paused) tail.pause();
    },
    [state.live, tail],
  );
  const focusRow = useCallback(
    (rank: number) => {
      if (state.live) tail.pause();
      focus.to(rank);
    },
    [state.live, tail, focus.to],
  );

  useEffect(() => {
    if (state.live) focus.clear();
  }, [state.live, focus.clear]);

  const jump = useExploreKeys({
    state,
    update,
    shown: state.live ? null : shown,
    total,
    focus: { ...focus, to: state.live ? focusRow : focus.to },
    focusedLine,
    viewport,
    openDrawer: () => {
      setOpened(true);
      setCalled((n) => n + 1);
    },
    openJump: () => setJumping(true),
    onFilter,
  });

  const withDate = spansDays((shown?.run ?? run).range, state.tz);
  const renderRow = (rank: number) => {
    if (state.live) {
      const item = tail.buffer.at(rank);
      if (item?.kind === 'gap')
        return <GapRow gap={item.gap} onShow={({ from, to }) => update({ live: false, from, to })} />;
      return item ? <LogLine line={item.line} zone={state.tz} withDate={false} /> : null;
    }
    const row = shown?.pages.at(rank);
    if (isLine(row)) return <LogLine line={row} zone={state.tz} withDate={withDate} />;
    if (shown?.pages.failureAt(rank))
      return (
        <PageFailed
          onRetry={() => {
            shown.pages.retry();
            load(rank, rank + 1);
          }}
        />
      );
    return <LineSkeleton rank={rank} />;
  };
  const rowClass = (rank: number) => {
    const line = lineAt(rank);
    return line ? `row-${levelOf(line.level)}` : '';
  };

  const facetsShown = narrow ? sheet : settings.facetsOpen;
  const closeFacets = () => (narrow ? setSheet(false) : settings.set({ facetsOpen: false }));
  const table =
    !state.live &&
    shown !== null &&
    (shown.run.shape === 'table' || (total > 0 && !isLine(shown.pages.at(0)) && shown.run.shape !== 'lines'));
  const view = state.live ? 'lines' : state.view;
  const empty = !state.live && phase === 'ready' && !stale && shown !== null && total === 0;
  const linesShown = view === 'lines' && !table && !empty && !stale && shown !== null;
  useEffect(() => {
    if (!linesShown || !drilled.current) return;
    drilled.current = false;
    viewport.current?.focus();
  }, [linesShown]);
  const firstLoad = !state.live && shown === null && phase === 'loading';
  return (
    <div className="explore" data-drawer={opened} data-facets={facetsShown}>
      <h1 className="sr-only">Explore</h1>
      <header className="topbar">
        <QueryBox q={state.q} bounds={{ from: run.params.from, to: run.params.to }} onRun={runQuery} />
        <div className="topbar-tools">
          <button
            type="button"
            className="button quiet facets-toggle"
            aria-pressed={facetsShown}
            onClick={() => (narrow ? setSheet(!sheet) : settings.set({ facetsOpen: !settings.facetsOpen }))}
          >
            <Icon name="filter" />
            <span className="wide-only">Fields</span>
          </button>
          <TimePicker
            range={state}
            zone={state.tz}
            onRange={(range) => update({ ...range, live: false })}
            onZone={(tz) => update({ tz }, 'replace')}
          />
          <button
            type="button"
            className="button quiet live-button"
            aria-pressed={state.live}
            onClick={() => update({ live: !state.live, view: 'lines' })}
            title="Live tail (.)"
          >
            <Icon name="live" />
            <span>Live</span>
          </button>
          <button
            type="button"
            className="button quiet"
            onClick={alertOnThis}
            title="Make a rule of the query (A)"
            aria-label="Alert on this"
          >
            <Icon name="bell" />
          </button>
          <Share state={state} asked={onScreen} />
        </div>
      </header>

      {facetsShown && (
        <Facets run={run} active={!state.live || facetsShown} onFilter={onFilter} onClose={closeFacets} />
      )}

      <div className="explore-main" data-stale={stale ? phase : 'no'}>
        {state.live ? (
          <LiveBar tail={tail} onStop={() => update({ live: false })} />
        ) : (
          <Histogram
            answer={chart?.answer ?? null}
            zone={state.tz}
            stale={chart !== null && chart.run !== run ? phase : 'no'}
            onZoom={(from, to) => update({ from: formatInstant(from), to: formatInstant(to) })}
            onLevel={onLevel}
          />
        )}
        {!state.live && (
          <Views view={state.view} onView={(view) => update({ view })}>
            {shown && !stale && total > 0 && state.view === 'lines' && <Download run={shown.run} />}
          </Views>
        )}
        {phase === 'failed' && !state.live && <FailureNote error={error} q={run.q} onRetry={rerun} />}
        {empty && (
          <EmptyResult
            run={run}
            range={state}
            zone={state.tz}
            hint={shown.envelope.hint}
            onRange={(range) => update(range)}
            onQuery={onQuery}
          />
        )}
        {view === 'patterns' && !empty && (
          <Suspense fallback={<div className="view" />}>
            <Patterns
              run={run}
              zone={state.tz}
              order={state.order}
              onOrder={(order) => update({ order })}
              onQuery={(q) => update({ q, view: 'lines' })}
              onHide={onQuery}
            />
          </Suspense>
        )}
        {view === 'compare' && !empty && (
          <Suspense fallback={<div className="view" />}>
            <Compare
              run={run}
              zone={state.tz}
              baseline={state.cmp}
              onBaseline={(cmp) => update({ cmp })}
              onQuery={(q) => update({ q, view: 'lines' })}
            />
          </Suspense>
        )}
        {view === 'lines' && table && shown && (
          <ResultTable
            run={shown.run}
            pages={shown.pages}
            total={total}
            zone={state.tz}
            hrefOf={(lines) => exploreHref({ ...state, ...lines, sel: '', rank: -1 })}
            onLines={(lines) => {
              drilled.current = true;
              update(lines);
            }}
          />
        )}
        {view === 'lines' && !table && !empty && (
          <div className="lines">
            <LogViewport
              ref={viewport}
              total={firstLoad ? 40 : total}
              rowHeight={rowHeight(settings.density, phone)}
              focused={focus.rank}
              label="Log lines, newest first"
              renderRow={renderRow}
              rowClass={rowClass}
              onFocusRow={focusRow}
              onOpenRow={() => setOpened(true)}
              onVisible={load}
              onAtTop={onAtTop}
            />
            {!state.live && chart && chart.run === shown?.run && shown.run.shape === 'lines' && (
              <Minimap
                buckets={chart.answer.data}
                total={total}
                onJump={(rank) => viewport.current?.show(rank, 'center')}
              />
            )}
            {state.live && tail.buffer.paused && (
              <button
                type="button"
                className="new-lines"
                onClick={() => {
                  tail.resume();
                  focus.clear();
                  viewport.current?.show(0, 'nearest');
                }}
              >
                {tail.buffer.waiting.toLocaleString('en')} new ↑
              </button>
            )}
            {state.live && total === 0 && (
              <p className="empty live-empty">Connected, nothing yet. New lines appear here as they are stored.</p>
            )}
          </div>
        )}
      </div>

      {opened && focus.rank >= 0 && (
        <Drawer
          line={focusedLine}
          zone={state.tz}
          link={linkTo({ ...state, rank: focus.rank, sel: focusedLine?.id ?? state.sel }, true, onScreen)}
          called={called}
          onClose={() => {
            setOpened(false);
            setCalled(0);
            viewport.current?.focus();
          }}
          onFilter={onFilter}
          onStep={(step) => focusRow(Math.min(total - 1, Math.max(0, focus.rank + step)))}
          onQuery={(q) => navigate(exploreHref({ ...DEFAULT_STATE, q, from: state.from, to: state.to, tz: state.tz }))}
        />
      )}
      <StatusLine result={result} live={state.live} />
      <JumpDialog
        open={jumping}
        zone={state.tz}
        total={total}
        onClose={() => setJumping(false)}
        onRank={jump.toRank}
        onTime={jump.toTime}
      />
    </div>
  );
}

function PageFailed({ onRetry }: { onRetry(): void }) {
  return (
    <span className="line-message" role="gridcell">
      <span className="line-text">
        These lines did not come.{' '}
        <button type="button" className="link-button" onClick={onRetry}>
          Try again
        </button>
      </span>
    </span>
  );
}
