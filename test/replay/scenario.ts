import { rotationWorkflowId } from '../../domain/identifiers.ts';
import type { EmergencyStage } from '../support/emergency-world.ts';
import { consumer, type Play, type Stage } from '../support/rotation-world.ts';

/** Plays, and names the workflow whose newest run is kept; `runs` names older ones that are kept too. */
export type Scenario = (
  stage: EmergencyStage,
) => Promise<{ readonly workflowId: string; readonly runs?: readonly string[] }>;

export const bot = { consumers: [consumer('bot')] };
export const alone = { entry: { consumers: { none: 'nobody' } } };

export async function settled(stage: Stage, options: Parameters<Stage['play']>[0] = {}): Promise<Play> {
  const play = await stage.play({ ...options, entry: { ...bot, ...options.entry } });
  await play.rotate();
  await play.result();
  for (const name of play.consumers()) await play.beat(name);
  return play;
}

export async function confirming(stage: Stage, options: Parameters<Stage['play']>[0] = {}): Promise<Play> {
  const play = await settled(stage, options);
  await play.rotate();
  await play.reaches('confirming');
  return play;
}

export const rotationOf = (play: Play) => ({ workflowId: rotationWorkflowId(play.id) });
