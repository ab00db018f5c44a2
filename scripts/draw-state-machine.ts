// Draws docs/state-machine.md from the table of legal pairs in src/net/machine.ts.
// Run by hand after a change of the table; `npm test` fails while the document differs.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LEGAL, type StateName } from '../src/net/machine.ts';

const MEANING: Record<StateName, string> = {
  idle: 'nothing is open and nothing is tried; the next call connects',
  dialing: 'a socket is being opened',
  greeting: 'the socket is open: handshake, then subscriptions are restored',
  ready: 'commands flow',
  waiting: 'the link was lost; the next attempt comes after a delay',
  closing: 'closed by the user; what was accepted is still answered, until a deadline',
  closed: 'for good; nothing leaves',
};

const INPUTS: Record<string, string> = {
  connect: 'somebody wants the connection',
  opened: 'the socket is open',
  greeted: 'handshake and restoring are done',
  redial: 'the same server must be dialled again: another dialect, or without HELLO',
  failed: 'the link failed, was refused or broke the protocol',
  useful: 'a reply or a message came: the backoff starts over',
  pong: 'the heartbeat was answered',
  deadline: 'the one deadline has passed, and sockets were read once more',
  close: 'the user closes',
  drained: 'everything accepted has been answered',
};

export function drawStateMachine(): string {
  const states = Object.keys(LEGAL) as StateName[];
  const edges = new Map<string, string[]>();
  for (const from of states) {
    for (const [input, targets] of Object.entries(LEGAL[from])) {
      for (const to of targets ?? []) {
        if (to === from) continue;
        const edge = `  ${from} --> ${to}`;
        edges.set(edge, [...(edges.get(edge) ?? []), input]);
      }
    }
  }
  const inputs = Object.keys(INPUTS);
  const row = (state: StateName) =>
    `| ${state} | ${inputs.map((input) => (LEGAL[state] as Record<string, readonly string[]>)[input]?.join(', ') ?? '').join(' | ')} |`;
  return [
    '# The states of a connection',
    '',
    'Drawn by `scripts/draw-state-machine.ts` from the table of legal pairs in `src/net/machine.ts`; do not edit.',
    'Users see `dialing` and `greeting` as `connecting`. Every state but `idle` and `closed` has one deadline.',
    '',
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> idle',
    ...[...edges].map(([edge, labels]) => `${edge} : ${labels.join(', ')}`),
    '  closed --> [*]',
    '```',
    '',
    '| state | meaning |',
    '| --- | --- |',
    ...states.map((state) => `| ${state} | ${MEANING[state]} |`),
    '',
    '| input | meaning |',
    '| --- | --- |',
    ...Object.entries(INPUTS).map(([input, meaning]) => `| ${input} | ${meaning} |`),
    '',
    'Which states may follow; an empty cell is a pair that can only come from a bug.',
    '',
    `| state | ${inputs.join(' | ')} |`,
    `| --- |${' --- |'.repeat(inputs.length)}`,
    ...states.map(row),
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../docs/state-machine.md', import.meta.url), drawStateMachine());
}
