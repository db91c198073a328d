// One element of `files`, made from the file PATH.
{PATH, (const char[]){
#embed PATH
    , 0}},
#undef PATH
