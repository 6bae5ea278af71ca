/**
 * What a command line asks for.
 * @param words - of the command line
 * @param usage - printed when help is asked for, or when a flag is wrong; the process then ends
 * @param read - makes a plan of the words, or throws with what is wrong
 */
export function planOrExit(words, usage, read) {
  if (words.includes('--help')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return read(words);
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}
