import {
  type ReactNode,
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
} from 'react';
import {
  anchorAt,
  anchorToShow,
  clampAnchor,
  makeGeometry,
  rowOffset,
  scrollTopAt,
  visibleRows,
} from '../scroll/geometry';
import { useSize } from '../ui/size';
import { useTouchScroll } from './touchScroll';

export interface ViewportHandle {
  /** Brings a row into view. */
  show(rank: number, place: 'nearest' | 'center'): void;
  focus(): void;
  /** Whole rows that fit the view. */
  pageRows(): number;
  /** Rank at the middle of the view. */
  middle(): number;
}

interface Props {
  ref?: Ref<ViewportHandle>;
  total: number;
  rowHeight: number;
  /** Rank of the focused row, -1 = none. */
  focused: number;
  label: string;
  /** Content of a row, `role="gridcell"` elements. */
  renderRow(rank: number): ReactNode;
  rowClass?(rank: number): string;
  onFocusRow(rank: number): void;
  onOpenRow(rank: number): void;
  /** Rows in view, half-open; called when they change. */
  onVisible(first: number, end: number): void;
  /** The reader moved away from the top, or came back. */
  onAtTop?(atTop: boolean): void;
}

const OVERSCAN = 4;

/** A list of up to 10⁹ rows of one height. See scroll/geometry.ts for the maths. */
export function LogViewport(props: Props) {
  const { total, rowHeight, focused, onVisible, onAtTop } = props;
  const { ref: scroller, height: viewHeight } = useSize<HTMLDivElement>();
  const geometry = useMemo(() => makeGeometry(total, rowHeight, viewHeight), [total, rowHeight, viewHeight]);
  const [anchor, setAnchor] = useState(0);
  const shownAnchor = clampAnchor(geometry, anchor);
  const latest = useRef({ geometry, anchor: shownAnchor });
  latest.current = { geometry, anchor: shownAnchor };
  /** The scroll position we set ourselves; its event says nothing new. */
  const expected = useRef(0);

  const moveTo = useCallback(
    (target: number) => {
      const next = clampAnchor(latest.current.geometry, target);
      latest.current.anchor = next;
      setAnchor(next);
      const element = scroller.current;
      if (!element) return;
      element.scrollTop = scrollTopAt(latest.current.geometry, next);
      expected.current = element.scrollTop;
    },
    [scroller],
  );

  useImperativeHandle(
    props.ref,
    () => ({
      show: (rank, place) => moveTo(anchorToShow(latest.current.geometry, latest.current.anchor, rank, place)),
      focus: () => scroller.current?.focus({ preventScroll: true }),
      pageRows: () =>
        Math.max(1, Math.floor(latest.current.geometry.viewHeight / latest.current.geometry.rowHeight) - 1),
      middle: () => {
        const { geometry: g, anchor: a } = latest.current;
        return Math.min(g.total - 1, Math.floor(a + g.viewHeight / g.rowHeight / 2));
      },
    }),
    [moveTo, scroller],
  );

  // A new height or row count keeps the same row at the top.
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    element.scrollTop = scrollTopAt(geometry, latest.current.anchor);
    expected.current = element.scrollTop;
  }, [geometry, scroller]);

  useEffect(() => {
    const element = scroller.current;
    if (!element || !geometry.scaled) return;
    const onWheel = (event: WheelEvent) => {
      if (event.ctrlKey) return;
      event.preventDefault();
      const px =
        event.deltaMode === 1
          ? event.deltaY * rowHeight
          : event.deltaMode === 2
            ? event.deltaY * viewHeight
            : event.deltaY;
      moveTo(latest.current.anchor + px / rowHeight);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [geometry.scaled, rowHeight, viewHeight, moveTo, scroller]);

  useTouchScroll(scroller, geometry.scaled, (px) => moveTo(latest.current.anchor + px / rowHeight));

  const { first, end } = visibleRows(geometry, shownAnchor, OVERSCAN);
  useEffect(() => {
    if (viewHeight > 0) onVisible(first, end);
  }, [first, end, viewHeight, onVisible]);
  const atTop = shownAnchor < 0.5;
  useEffect(() => onAtTop?.(atTop), [atTop, onAtTop]);

  const ranks = Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
  const inView = focused >= first && focused < end;
  return (
    <div
      ref={scroller}
      className={`viewport${geometry.scaled ? ' viewport-scaled' : ''}`}
      role="grid"
      aria-label={props.label}
      aria-rowcount={total}
      aria-readonly="true"
      aria-activedescendant={inView ? `row-${focused}` : undefined}
      tabIndex={0}
      onScroll={(event) => {
        const { scrollTop } = event.currentTarget;
        if (Math.abs(scrollTop - expected.current) < 1) return;
        expected.current = scrollTop;
        setAnchor(anchorAt(geometry, scrollTop));
      }}
    >
      <div className="viewport-space" style={{ height: Math.max(geometry.height, viewHeight) }} role="presentation">
        <div className="viewport-window" style={{ height: viewHeight }} role="rowgroup">
          {ranks.map((rank) => (
            <div
              key={rank}
              id={`row-${rank}`}
              role="row"
              aria-rowindex={rank + 1}
              aria-selected={rank === focused}
              className={`row ${props.rowClass?.(rank) ?? ''}`}
              style={{ transform: `translateY(${rowOffset(geometry, shownAnchor, rank)}px)`, height: rowHeight }}
              onClick={() => {
                if (getSelection()?.toString()) return;
                props.onFocusRow(rank);
                props.onOpenRow(rank);
              }}
            >
              {props.renderRow(rank)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
