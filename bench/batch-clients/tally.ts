/** Checks of one client on one adapter, counted. */

export class Tally {
  readonly #cells = new Map<string, { passed: number; failed: number }>();
  readonly failures: string[] = [];

  cell(client: string, adapter: string): Cell {
    const key = `${client}\n${adapter}`;
    const counts = this.#cells.get(key) ?? { passed: 0, failed: 0 };
    this.#cells.set(key, counts);
    return {
      check: (holds, what) => {
        if (holds) counts.passed += 1;
        else {
          counts.failed += 1;
          this.failures.push(`${client}, ${adapter}: ${what()}`);
        }
      },
    };
  }

  /** A flow that breaks is one failure, and the next one goes on. */
  async run(client: string, adapter: string, flow: (cell: Cell) => Promise<void>): Promise<void> {
    const cell = this.cell(client, adapter);
    try {
      await flow(cell);
    } catch (thrown) {
      cell.check(false, () => (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, 600));
    }
  }

  get passed(): number {
    return [...this.#cells.values()].reduce((sum, cell) => sum + cell.passed, 0);
  }

  /** Clients down, adapters across, `passed/failed`. */
  table(clients: readonly string[], adapters: readonly string[]): readonly string[] {
    const text = (client: string, adapter: string): string => {
      const cell = this.#cells.get(`${client}\n${adapter}`);
      return cell === undefined ? '-' : `${cell.passed}/${cell.failed}`;
    };
    const widths = adapters.map((adapter) =>
      Math.max(adapter.length, ...clients.map((client) => text(client, adapter).length)),
    );
    const first = Math.max(...clients.map(({ length }) => length));
    const row = (head: string, cells: readonly string[]): string =>
      [head.padEnd(first), ...cells.map((cell, index) => cell.padStart(widths[index] ?? 0))].join('  ');
    return [
      row('', adapters),
      ...clients.map((client) =>
        row(
          client,
          adapters.map((adapter) => text(client, adapter)),
        ),
      ),
    ];
  }
}

export interface Cell {
  check(holds: boolean, what: () => string): void;
}
