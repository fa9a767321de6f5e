/**
 * What an agent tells the service manager that started it: sd_notify(3), by datagrams to a socket.
 * @module
 */

/** The service manager that started this process. Telling it never fails: that is no reason to end a node. */
export interface ServiceManager {
  /**
   * @param state assignments of sd_notify(3), such as `READY=1`, each on a line
   * @returns when it was sent
   */
  tell(state: string): Promise<void>;
  /**
   * Says again and again that this process turns, and how it stands, as long as its event loop does.
   * @param status in a few words, for people
   * @returns a function that ends it
   */
  watch(status: () => string): () => void;
  /** Nothing may be told any more. */
  close(): void;
}

/** What of the environment is for this process alone. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/** How often people see a new status, in milliseconds, where no watchdog asks for more. */
const STATUS_MS = 30_000;

/** @returns who started this process with a socket to be told by; undefined when nobody wants to know */
export function serviceManager(
  environment: Readonly<Record<string, string | undefined>>,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: address, WATCHDOG_USEC: period, WATCHDOG_PID: pid } = environment;
  if (address === undefined || !/^[/@]./.test(address)) return undefined;
  // What this process starts must not speak for it (sd_notify(3), "unset_environment").
  for (const name of VARIABLES) Deno.env.delete(name);
  const isWatched = Number(period) > 0 && (pid === undefined || Number(pid) === Deno.pid);
  // Half of it, as sd_watchdog_enabled(3) recommends; it is counted in microseconds.
  const everyMs = Math.min(isWatched ? Number(period) / 2_000 : STATUS_MS, STATUS_MS);
  const sender = address.startsWith("@") ? undefined : new DatagramSender(address);
  const tell = async (state: string): Promise<void> => {
    const bytes = new TextEncoder().encode(state);
    await (sender === undefined ? sendAbstract(address, bytes) : sender.send(bytes));
  };
  return {
    tell,
    watch(status) {
      const turn = (): void => void tell(`${isWatched ? "WATCHDOG=1\n" : ""}STATUS=${oneLine(status)}`);
      const timer = setInterval(turn, everyMs);
      Deno.unrefTimer(timer);
      return () => clearInterval(timer);
    },
    close: () => sender?.close(),
  };
}

function oneLine(status: () => string): string {
  try {
    return status().replace(/\s+/g, " ");
  } catch {
    return "";
  }
}

async function sendAbstract(address: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  // Only who needs it loads it.
  const { notifyAbstract } = await import("../../host/mod.ts");
  notifyAbstract(address, bytes);
}

/** By the runtime's own sockets, so that a rootless node needs no foreign functions. */
class DatagramSender {
  readonly #path: string;
  #socket: Deno.DatagramConn | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      this.#socket ??= openSocket();
      await this.#socket.send(bytes, { transport: "unixpacket", path: this.#path });
    } catch {
      // There is no room for a socket, or nobody at the other end; systemd says that it was told nothing.
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** The runtime binds every such socket to a path, of which nothing is needed once it is bound. */
function openSocket(): Deno.DatagramConn {
  const folder = Deno.makeTempDirSync({ prefix: "weft-notify-" });
  try {
    return Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/socket` });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
