/** The kernel that runs our widgets without a notebook: started on first use, found again after a reload. */

import type { KernelWidgetManager } from '@jupyter-widgets/jupyterlab-manager';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { Kernel, ServiceManager, Session } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { Link, listen } from './link.js';
import type { FromKernel, Settings, ToKernel } from './messages.js';
import { nudge } from './nudging.js';
import { within } from './waiting.js';

/** Where the server finds the kernel again, and the name it has among the running ones. */
const PATH = 'Deploy a model';
/** Seconds for a kernel to start and to load the package, on a busy machine. */
const PATIENCE = 120;

/** `off`: not started, or shut down on purpose; `ended`: lost, `message` says why. */
export type State = 'off' | 'starting' | 'on' | 'restarting' | 'ended';

export class OwnKernel {
  readonly changed = new Signal<this, undefined>(this);
  /** What the kernel says, but `ready`. */
  readonly received = new Signal<this, FromKernel>(this);
  state: State = 'off';
  /** For a person, about the present state. */
  message = '';
  /** Draws the kernel's widgets, while there is a kernel. */
  manager: KernelWidgetManager | null = null;

  constructor(
    private readonly services: ServiceManager.IManager,
    private readonly rendermime: IRenderMimeRegistry,
    private readonly settings: () => Settings,
    private readonly trans: TranslationBundle
  ) {}

  /** Whether the kernel is there, or will soon be. */
  isStarted(): boolean {
    return this.state !== 'off' && this.state !== 'ended';
  }

  /** Starts the kernel, or finds the running one; does nothing where this was done. Failures are a state, never thrown. */
  async start(): Promise<void> {
    if (!this.isStarted()) {
      this.set('starting', this.trans.__('Starting…'));
      const { turn } = this;
      await this.settle(async () => {
        const coming = this.find().then(async found => found ?? (await this.create()));
        this.coming = coming;
        const session = await coming;
        if (turn === this.turn) {
          await this.take(session);
        }
      });
    }
  }

  /** Finds the kernel that ran before this page was loaded, if there is one. */
  async reconnect(): Promise<void> {
    if (this.isStarted()) {
      return;
    }
    const found = await this.find().catch(() => null);
    if (found && !this.isStarted()) {
      this.set('starting', this.trans.__('Connecting…'));
      await this.settle(() => this.take(found));
    } else {
      found?.dispose();
    }
  }

  /** Ends the kernel, and with it all it showed. */
  async shutDown(): Promise<void> {
    if (!this.isStarted()) {
      return;
    }
    const { coming } = this;
    const session = this.end(this.trans.__('Shut down. Builds in the project go on.'), 'off');
    this.closing = (async () => {
      // One that is still coming is shut down as soon as it is there.
      const last = session ?? (await coming.catch(() => null));
      this.closed = last?.id ?? '';
      await last?.shutdown();
    })();
    await this.closing;
  }

  send(content: ToKernel): void {
    this.link?.send(content);
  }

  /** Says that settings changed. */
  hello(): void {
    this.send({ type: 'hello', settings: this.settings() });
  }

  private async find(): Promise<Session.ISessionConnection | null> {
    const { sessions } = this.services;
    await this.closing.catch(() => undefined);
    await sessions.ready;
    await sessions.refreshRunning();
    // An answer that is late may still name the one that was shut down.
    const model = Array.from(sessions.running()).find(
      ({ id, path, kernel }) => path === PATH && kernel !== null && id !== this.closed
    );
    return model ? sessions.connectTo({ model, kernelConnectionOptions: { handleComms: true } }) : null;
  }

  private async create(): Promise<Session.ISessionConnection> {
    await this.services.kernelspecs.ready;
    const specs = this.services.kernelspecs.specs;
    const name = specs?.kernelspecs['python3'] ? 'python3' : specs?.default;
    return await this.services.sessions.startNew(
      { path: PATH, name: PATH, type: 'console', ...(name === undefined ? {} : { kernel: { name } }) },
      { kernelConnectionOptions: { handleComms: true } }
    );
  }

  private async take(session: Session.ISessionConnection): Promise<void> {
    const kernel = session.kernel;
    if (!kernel) {
      throw new Error(this.trans.__('The server started no kernel.'));
    }
    this.session = session;
    nudge(kernel);
    session.disposed.connect(() => {
      if (this.session === session) {
        void this.lost();
      }
    });
    session.statusChanged.connect((_, status) => {
      this.follow(session, status);
    });
    session.connectionStatusChanged.connect((_, status) => {
      if (this.session === session && this.state === 'restarting' && status === 'connected') {
        void this.settle(() => this.begin(session, kernel));
      }
    });
    listen(kernel, comm => {
      this.link = new Link(comm, content => {
        this.hear(content);
      });
      this.hello();
    });
    const { managerOf } = await import('./widgetManager.js');
    if (this.session !== session) {
      return;
    }
    this.manager = managerOf(kernel, this.rendermime);
    await this.begin(session, kernel);
  }

  private async begin(session: Session.ISessionConnection, kernel: Kernel.IKernelConnection): Promise<void> {
    const ready = new Promise<void>(resolve => {
      this.ready = resolve;
    });
    const late = this.trans.__('The kernel does not answer.');
    await within(PATIENCE, kernel.info, late);
    const future = kernel.requestExecute({
      code: 'import odh_oci_widgets.widgets.page as page; page.start()',
      silent: true,
      store_history: false
    });
    const { content } = await within(PATIENCE, future.done, late);
    if (content.status !== 'ok') {
      const why = content.status === 'error' ? `${content.ename}: ${content.evalue}` : content.status;
      throw new Error(
        content.status === 'error' && content.ename === 'ModuleNotFoundError'
          ? this.trans.__('The package does not start in the kernel: %1. Run `pip install odh-oci-widgets` in a notebook, then start again.', why)
          : this.trans.__('The package does not start in the kernel: %1', why)
      );
    }
    await within(PATIENCE, ready, late);
    if (this.session !== session) {
      return;
    }
    const again = this.restarted;
    this.restarted = false;
    this.set('on', again ? this.trans.__('The kernel of this view had stopped and was started again.') : '');
  }

  /** The connection is gone. The page also drops one whose session was missing in an answer that was late: look again. */
  private async lost(): Promise<void> {
    this.end(this.trans.__('The kernel was ended: from outside, or by the server because it was idle for long.'), 'off');
    await this.reconnect();
    if (!this.isStarted()) {
      this.set('ended', this.message);
    }
  }

  private follow(session: Session.ISessionConnection, status: Kernel.Status): void {
    if (this.session !== session || this.state === 'restarting') {
      return;
    }
    if (status === 'autorestarting' || status === 'restarting') {
      this.link = null;
      this.restarted = true;
      this.set(
        'restarting',
        this.trans.__('The kernel of this view stopped and is started again. Builds in the project go on.')
      );
    } else if (status === 'dead') {
      this.end(this.trans.__('The kernel stopped and could not be started again.'));
    }
  }

  private hear(content: FromKernel): void {
    if (content.type === 'ready') {
      this.ready();
    } else {
      this.received.emit(content);
    }
  }

  /** Does what may fail; a failure ends the kernel with its sentence, unless it was ended meanwhile. */
  private async settle(work: () => Promise<void>): Promise<void> {
    const { turn } = this;
    try {
      await work();
    } catch (error) {
      if (turn === this.turn) {
        const session = this.end(error instanceof Error ? error.message : String(error));
        // A kernel that is of no use shall not stay.
        await session?.shutdown().catch(() => undefined);
      }
    }
  }

  private end(message: string, state: State = 'ended'): Session.ISessionConnection | null {
    const { session, manager } = this;
    this.turn += 1;
    this.session = this.manager = this.link = null;
    this.set(state, message);
    manager?.dispose();
    return session;
  }

  private set(state: State, message: string): void {
    this.state = state;
    this.message = message;
    this.changed.emit(undefined);
  }

  private session: Session.ISessionConnection | null = null;
  /** Another number after each end: what was begun before it is of no use. */
  private turn = 0;
  /** The session that was found or made last. */
  private coming: Promise<Session.ISessionConnection | null> = Promise.resolve(null);
  /** The session that was shut down last, and its end. */
  private closed = '';
  private closing: Promise<void> = Promise.resolve();
  private link: Link | null = null;
  private ready: () => void = () => undefined;
  private restarted = false;
}
