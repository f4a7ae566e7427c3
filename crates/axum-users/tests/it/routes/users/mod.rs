mod id;
mod me;
