export const folder: string;
export const sumsFile: string;
export function programs(): string[];
export function currentSums(): string;
