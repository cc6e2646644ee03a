/** Temporal task queues, by what they carry. */
export const queues = {
  rotations: 'keybaton',
  emergency: 'keybaton-emergency',
  watching: 'keybaton-watching',
} as const;
