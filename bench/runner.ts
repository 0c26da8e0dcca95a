import { openScope } from "./bench.ts";
import type { Layout } from "./machine/layout.ts";
import { meter } from "./machine/meter.ts";
import type { Contender, Sample, ServerProcess, Suite, Take, Work } from "./suite.ts";

export interface RunOptions {
  readonly layout: Layout;
  readonly quick: boolean;
  readonly rounds: number;
  /** Everything that is started ends with it. */
  readonly stack: AsyncDisposableStack;
  readonly say: (line: string) => void;
}

export interface LayoutRun {
  /** By row, one of each round. */
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly problems: readonly string[];
}

/**
 * Runs a suite in one layout: every contender alone, from its start to its end, in turn; a round is one turn of each.
 * Every second round goes backwards, so that nobody always follows the same neighbour. The first problem ends it.
 */
export async function runLayout(suite: Suite, options: RunOptions): Promise<LayoutRun> {
  const samples = new Map<string, Sample[]>();
  const scope = openScope(options.stack, options);
  try {
    const contenders = await suite.prepare(scope.bench);
    for (let round = 0; round < options.rounds; round++) {
      const order = round % 2 === 0 ? contenders : contenders.toReversed();
      for (const contender of order) {
        options.say(
          `${suite.name}, ${options.layout.name}, round ${round + 1} of ${options.rounds}: ${contender.name}`,
        );
        for (const [row, sample] of await runContender(contender, suite, options)) {
          samples.set(row, [...(samples.get(row) ?? []), sample]);
        }
      }
    }
    return { samples, problems: [] };
  } catch (error) {
    return { samples, problems: [error instanceof Error ? error.message : String(error)] };
  } finally {
    await scope.close();
  }
}

/** One turn. Its samples count only when what is stored is right. */
async function runContender(contender: Contender, suite: Suite, options: RunOptions): Promise<[string, Sample][]> {
  const scope = openScope(options.stack, options);
  const samples: [string, Sample][] = [];
  try {
    const session = await contender.open(scope.bench);
    await session.warmUp?.();
    const take: Take = async (row, work) => {
      const known = suite.rows.find(({ name }) => name === row);
      if (known === undefined)
        throw new Error(`${contender.name} fills a row "${row}" that ${suite.name} does not have`);
      const sample = await takeSample(() => session.servers(), work);
      options.say(`  ${row}: ${Math.round(sample.value)} ${known.unit}, ${sample.cpuUs.toFixed(1)} us CPU`);
      samples.push([row, sample]);
      return sample;
    };
    await session.measure(take);
    await session.verify?.();
    return samples;
  } catch (error) {
    throw new Error(`${contender.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await scope.close();
  }
}

async function takeSample(servers: () => readonly ServerProcess[], work: () => Promise<Work>): Promise<Sample> {
  const { result, usage } = await meter(servers, work);
  const { operations, latency } = result;
  const each = (us: number) => us / operations;
  return {
    value: result.value ?? operations / usage.seconds,
    operations,
    seconds: usage.seconds,
    cpuUs: each(usage.cpuUs),
    p50: latency && latency.percentile(0.5) / 1000,
    p99: latency && latency.percentile(0.99) / 1000,
    peakMb: usage.peakMb,
    growthMb: usage.growthMb,
    servers: Object.fromEntries(
      Object.entries(usage.servers).map(([name, { cpuUs, peakMb }]) => [name, { cpuUs: each(cpuUs), peakMb }]),
    ),
    extra: result.extra ?? {},
  };
}
