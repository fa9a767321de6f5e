/**
 * Which test files run together: a start of the runner, and loading the modules that a file is about, take longer than
 * most unit tests, so these run many files to a module.
 * @module
 */

/** Files that run one after the other in one process. */
export interface Batch {
  /** For messages, `./lib/mesh (2)` or the file itself. */
  readonly name: string;
  /** Paths from the root of the sources, `./lib/x_test.ts`. */
  readonly files: readonly string[];
}

/** A batch is to end long before all do, and to take no more memory than an agent's tests alone. */
const MAX_FILES = 40;

/** What takes longest: it is to begin first, since nothing is left to run beside it at the end. */
const LONGEST: readonly string[] = [
  "./tests/e2e/documentation/command_lines_test.ts",
  "./tests/e2e/documentation/examples_test.ts",
  "./tests/simulation/address_chaos_test.ts",
  "./tests/e2e/crash_test.ts",
];

/**
 * Batches of all tests.
 * @param files of which none is twice
 * @returns those of `tests` and `scripts`, which start programs and wait for them, a file each, the longest first; and
 * units by folder
 */
export function planBatches(files: readonly string[]): {
  readonly waiting: readonly Batch[];
  readonly units: readonly Batch[];
} {
  const sorted = [...files].sort();
  const isUnit = (file: string) => !/^\.\/(tests|scripts)\//.test(file);
  const alone = sorted.filter((file) => !isUnit(file));
  const waiting = [
    ...LONGEST.filter((file) => alone.includes(file)),
    ...alone.filter((file) => !LONGEST.includes(file)),
  ];
  const folders = Map.groupBy(sorted.filter(isUnit), (file) => file.split("/").slice(0, 3).join("/"));
  return {
    waiting: waiting.map((file) => ({ name: file, files: [file] })),
    units: [...folders].flatMap(([folder, inside]) => inParts(folder, inside)),
  };
}

/** @returns a module that runs the tests of a batch, each called by its file as well */
export function batchModule({ files }: Batch, root: URL): string {
  const importer = new URL("scripts/test_runner/named_by_file.ts", root).href;
  const lines = files.map((file) =>
    `await importNamed(${JSON.stringify(file)}, ${JSON.stringify(new URL(file, root).href)});`
  );
  return [`import { importNamed } from ${JSON.stringify(importer)};`, ...lines, ""].join("\n");
}

function inParts(folder: string, files: readonly string[]): readonly Batch[] {
  const parts = Math.ceil(files.length / MAX_FILES);
  const length = Math.ceil(files.length / parts);
  return Array.from({ length: parts }, (_, i) => ({
    name: parts === 1 ? folder : `${folder} (${i + 1} of ${parts})`,
    files: files.slice(i * length, (i + 1) * length),
  }));
}
