import { startReview } from "../lib/review";

startReview();
