/**
 * weft with a fault that nothing catches: at SIGUSR1 a promise rejects, at SIGUSR2 a callback throws.
 * @module
 */

/** As an error of the system might be: of two lines, with something for the terminal. */
const fault = (what: string): Error => new TypeError(`${what}\n\x1b[31minjected`);

Deno.addSignalListener("SIGUSR1", () => void Promise.reject(fault("a promise")));
Deno.addSignalListener("SIGUSR2", () =>
  void setTimeout(() => {
    throw fault("a callback");
  }, 0));

await import("../../main.ts");
