import assert from "node:assert/strict";
import { releaseProgramPages, unchangedFileRanges } from "./program_pages.ts";

/** One mapping as proc_pid_smaps(5) shows it, with the lines that count and one that does not. */
function mapping(head: string, { anonymous = 0, swap = 0 } = {}): string {
  return `${head}\nRss:       8 kB\nAnonymous: ${anonymous} kB\nSwap:      ${swap} kB\nVmFlags: rd mr mw me\n`;
}

Deno.test("unchangedFileRanges() takes files that cannot be written and were not changed", () => {
  const text = [
    mapping("55fdd5ce5000-55fdd7873000 r--p 00000000 fe:00 1234    /usr/bin/deno"),
    mapping("55fdd7ae9000-55fddb7dd000 r-xp 01e04000 fe:00 1234    /usr/bin/a program"),
    mapping("7f0c33400000-7f0c33894000 r--s 00000000 fe:00 99      /var/cache/a.db"),
  ].join("");
  assert.deepEqual(unchangedFileRanges(text), [
    { start: 0x55fdd5ce5000n, end: 0x55fdd7873000n },
    { start: 0x55fdd7ae9000n, end: 0x55fddb7dd000n },
    { start: 0x7f0c33400000n, end: 0x7f0c33894000n },
  ]);
});

Deno.test("unchangedFileRanges() leaves what is only in memory", () => {
  const text = [
    mapping("1000-2000 r--p 00000000 fe:00 1234    /usr/bin/deno", { anonymous: 4 }),
    mapping("2000-3000 r-xp 00000000 fe:00 1234    /usr/bin/deno", { swap: 4 }),
    mapping("3000-4000 r--p 00000000 fe:00 1234    /usr/bin/deno", { anonymous: 4, swap: 4 }),
    mapping("4000-5000 rw-p 00000000 fe:00 1234    /usr/bin/deno"),
    mapping("5000-6000 r--p 00000000 00:00 0 "),
    mapping("6000-7000 r-xp 00000000 00:00 0       [vdso]"),
    mapping("7000-8000 rw-p 00000000 00:00 0       [heap]"),
  ].join("");
  assert.deepEqual(unchangedFileRanges(text), []);
  assert.deepEqual(unchangedFileRanges(""), []);
});

/** Pages of files alone, since other tests of this process allocate memory meanwhile (proc(5), `RssFile`). */
function residentFileBytes(): number {
  const [, kilobytes] = /^RssFile:\s*(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return Number(kilobytes) * 1024;
}

Deno.test({
  name: "releaseProgramPages() makes the process smaller, and it goes on",
  ignore: Deno.build.os !== "linux",
  fn() {
    const before = residentFileBytes();
    assert(releaseProgramPages() > 10_000_000);
    const saved = before - residentFileBytes();
    assert(saved > 5_000_000, `${saved} bytes`);
    assert.equal(JSON.stringify(structuredClone({ still: ["here"] })), '{"still":["here"]}');
  },
});
