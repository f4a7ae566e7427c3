mod id;
mod me;
mod sessions;
