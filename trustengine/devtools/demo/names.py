"""Names for the demo's people."""

FIRST = (
    "Aino", "Alba", "Aleksander", "Anika", "Antoine", "Astrid", "Bartosz", "Beatriz", "Bjarne", "Camille", "Carla",
    "Chiara", "Clara", "Daan", "Dilan", "Dorota", "Eero", "Elif", "Emil", "Emma", "Esther", "Fatima", "Felix", "Finn",
    "Freya", "Gabriel", "Georgios", "Giulia", "Greta", "Hanna", "Hugo", "Ilse", "Imran", "Inès", "Ivan", "Jakub",
    "Jana", "Joaquín", "Johan", "Jolanda", "Katrin", "Kwame", "Lars", "Lea", "Leila", "Liam", "Linnea", "Lorenzo",
    "Luca", "Lucie", "Magnus", "Maja", "Marek", "Maria", "Mateo", "Mei", "Mila", "Milan", "Mina", "Nadia", "Niamh",
    "Nils", "Noor", "Olga", "Oskar", "Paula", "Pavel", "Petra", "Priya", "Quentin", "Rafael", "Rosa", "Ruben",
    "Samir", "Sara", "Selma", "Sigrid", "Stefan", "Sven", "Tamar", "Theo", "Tilda", "Tomás", "Ulrike", "Valentina",
    "Vera", "Viktor", "Wanda", "Willem", "Xenia", "Yara", "Yusuf", "Zoë",
)  # fmt: skip

LAST = (
    "Adeyemi", "Albrecht", "Andersson", "Bakker", "Banerjee", "Becker", "Bianchi", "Blanchet", "Brennan", "Bruun",
    "Carvalho", "Castillo", "Cohen", "Conti", "Dahl", "Delacroix", "Demir", "Dvořák", "Eklund", "Engel", "Evans",
    "Farkas", "Fischer", "Fontana", "Gallagher", "García", "Girard", "Grabowski", "Haas", "Hansen", "Horvat",
    "Ibrahim", "Ivanova", "Jansen", "Jović", "Kaya", "Keller", "Kim", "Kowalska", "Kruger", "Laine", "Larsen",
    "Lehmann", "Lindqvist", "López", "Maier", "Marino", "Martins", "Mendes", "Moreau", "Murphy", "Nakamura", "Neumann",
    "Nielsen", "Novák", "O'Connor", "Okonkwo", "Olsen", "Papadaki", "Pereira", "Petrov", "Popescu", "Quinn", "Ricci",
    "Rossi", "Roth", "Santos", "Sato", "Schäfer", "Schmitt", "Silva", "Singh", "Sørensen", "Szabó", "Tran", "Vance",
    "van Dijk", "Virtanen", "Vogel", "Wagner", "Walsh", "Weber", "Wójcik", "Yilmaz", "Zimmer",
)  # fmt: skip
