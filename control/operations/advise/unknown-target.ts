import type { AdviceRule } from './world.ts';

/** A target whose adapter is not here, or does not take its settings: much of the advice cannot be given. */
export const unknownTarget: AdviceRule = ({ targets }) =>
  targets.flatMap(({ name, target, traits, credentials }) =>
    traits !== undefined || credentials.length === 0
      ? []
      : [
          {
            subject: `target ${name}`,
            credentials,
            fact: `provider ${target.provider} is not known here, or does not take these settings (targets.yml)`,
            fix: `correct target ${name} in targets.yml and keybaton apply, or start with the configuration that brings its adapter (KEYBATON_CONFIG)`,
          },
        ],
  );
