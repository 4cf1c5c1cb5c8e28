import { useCallback, useEffect, useRef, useState } from 'react';
import { count } from '../ui/format';
import { Icon } from '../ui/Icon';
import { notify } from '../ui/notice';
import { Popover } from '../ui/Popover';
import { FILE_ROWS, type FileForm, fileText, gather, save } from './download';
import type { Run } from './run';

const FORMS: Record<FileForm, { label: string; type: string }> = {
  csv: { label: 'CSV', type: 'text/csv;charset=utf-8' },
  ndjson: { label: 'JSON lines', type: 'application/x-ndjson' },
};

/** The rows of the answer on screen as a file. */
export function Download({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const [rows, setRows] = useState<number | null>(null);
  const running = useRef<AbortController>(null);
  const close = useCallback(() => setOpen(false), []);
  useEffect(() => () => running.current?.abort(), []);

  const download = async (form: FileForm) => {
    const controller = new AbortController();
    running.current = controller;
    setRows(0);
    try {
      const found = await gather(run.params, setRows, controller.signal);
      save(
        fileText(found.rows, form),
        `heimdall-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${form}`,
        FORMS[form].type,
      );
      const rest = found.more ? `; there are more: heimdall search --limit takes them all` : '';
      notify(`${count(found.rows.length)} rows are in the file${rest}`);
      setOpen(false);
    } catch (error) {
      if (!controller.signal.aborted)
        notify(`The file was not made: ${error instanceof Error ? error.message : error}`);
    } finally {
      running.current = null;
      setRows(null);
    }
  };

  return (
    <Popover
      open={open}
      onClose={close}
      label="Download"
      align="end"
      trigger={
        <button
          type="button"
          className="view-button download-button"
          aria-expanded={open}
          aria-haspopup="dialog"
          title="Download these rows"
          onClick={() => setOpen(!open)}
        >
          <Icon name="start" />
          <span>Download</span>
        </button>
      }
    >
      <div className="download-panel">
        {rows === null ? (
          (Object.keys(FORMS) as FileForm[]).map((form) => (
            <button key={form} type="button" className="button" onClick={() => download(form)}>
              {FORMS[form].label}
            </button>
          ))
        ) : (
          <>
            <p role="status">{count(rows)} rows so far</p>
            <button type="button" className="button" onClick={() => running.current?.abort()}>
              Cancel
            </button>
          </>
        )}
        <p className="muted">The first {count(FILE_ROWS)} rows at most, with all their fields.</p>
      </div>
    </Popover>
  );
}
