/** The names of the project's services, as the kernel told them last. */

import { within } from './waiting.js';

/** Seconds that the first list may take. */
const PATIENCE = 30;

export class Services {
  /** The kernel told the names. */
  set names(names: string[] | null) {
    this.last = names;
    if (names) {
      this.waiting.forEach(done => {
        done(names);
      });
      this.waiting = [];
    }
  }

  /** The names; waits for the first list, and is empty when none comes. */
  async known(): Promise<string[]> {
    if (this.last) {
      return this.last;
    }
    const told = new Promise<string[]>(resolve => this.waiting.push(resolve));
    return await within(PATIENCE, told, 'no list came').catch(() => []);
  }

  private last: string[] | null = null;
  private waiting: ((names: string[]) => void)[] = [];
}
