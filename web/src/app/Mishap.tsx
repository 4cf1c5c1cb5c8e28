import { Component, type ReactNode } from 'react';
import { safeText } from '../text/safe';

interface Props {
  children: ReactNode;
}

/** A page that fails says so and leaves the rest alone; without this nothing at all would stay on the screen. */
export class Mishap extends Component<Props, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error: error ?? new Error('unknown') };
  }

  override render() {
    const error: unknown = this.state.error;
    if (error === null) return this.props.children;
    return (
      <div className="page" role="alert">
        <h1>Something went wrong in this page</h1>
        <p>{safeText(error instanceof Error ? error.message : String(error))}</p>
        <p>
          <button type="button" className="button" onClick={() => location.reload()}>
            Load it again
          </button>
        </p>
      </div>
    );
  }
}
