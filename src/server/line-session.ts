// Placeholder
import type { Session } from './session.ts';
export class LineSession {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }
  get pendingBytes(): number {
    return 0;
  }
  push(_bytes: Buffer): void {
    this.#session.raw('-ERR the line dialect is not here yet\n');
    this.#session.endAfterFlush();
  }
}
